"""`headrace attributes get` against an HTTP server that answers as the service does."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headrace.cli.main import execute

FOUND = {
    "customer": "s:1",
    "attributes": {"country": [{"value": "France", "source": "segment:country-fr", "since": "2026-01-01T00:00:00Z"}]},
}
TIER = {
    "name": "tier",
    "defined": True,
    "allowed": ["VIP"],
    "mirror": "store_attribute",
    "problem": None,
    "customers": 3,
    "values": 1,
}


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("X-Api-Key") != "key":
            self._answer(401, {})
        elif self.path == "/v1/customers/s:1/attributes":
            self._answer(200, FOUND)
        elif self.path.startswith("/v1/attributes?after=&"):
            self._answer(200, {"attributes": [TIER], "next": "tier"})
        elif self.path.startswith("/v1/attributes?after=tier&"):
            self._answer(200, {"attributes": [{**TIER, "name": "vip", "problem": "no room"}], "next": None})
        else:
            self._answer(404, {})

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/customers/s:1/attributes/tier":
            if body == {"values": ["VIP", "Gold"]}:
                self._answer(202, {"id": "attribute.set:1"})
            else:
                error = {"code": "value_not_allowed", "message": "no", "hint": "write one", "allowed": ["VIP"]}
                self._answer(422, {"error": error})
        else:
            self._answer(200, {**TIER, **body})

    def do_DELETE(self) -> None:
        if self.path == "/v1/attributes/my%20tier":
            self.send_response(204)
            self.end_headers()
        else:
            self._answer(404, {"error": {"code": "unknown_attribute", "message": "it is not defined"}})

    def _answer(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("HEADRACE_ATTRIBUTES_URL", url)
    monkeypatch.setenv("HEADRACE_API_KEY", "key")
    monkeypatch.setenv("HEADRACE_STORE", "s")
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def test_get__customer__by_key_or_number(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["attributes", "get", "s:1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == FOUND
    assert execute(["attributes", "get", "1"]) == 0
    assert "country: France  (segment:country-fr, since 2026-01-01T00:00:00Z)" in capsys.readouterr().out


def test_list__all_pages__one_object(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["attributes", "list", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["attributes"]] == ["tier", "vip"]
    assert execute(["attributes", "list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tier: 3 customers, 1 values, allowed VIP, mirror store-attribute",
        "vip: 3 customers, 1 values, allowed VIP, mirror store-attribute, no room",
    ]


def test_define__options__become_the_body(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    verb = ["attributes", "define", "tier", "--allow", "VIP", "--allow", "Gold", "--mirror", "store-attribute"]
    assert execute([*verb, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["allowed"], shown["mirror"]) == (["VIP", "Gold"], "store_attribute")
    assert execute(["attributes", "define", "tier", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["allowed"], shown["mirror"]) == (None, "together")


def test_undefine__known_and_unknown(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["attributes", "undefine", "my tier"]) == 0
    capsys.readouterr()
    assert execute(["attributes", "undefine", "tier", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_attribute"


def test_set__allowed_and_not__event_or_what_may_be_written(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["attributes", "set", "1", "tier", "VIP", "Gold"]) == 0
    assert capsys.readouterr().out == "accepted as attribute.set:1\n"
    assert execute(["attributes", "set", "1", "tier", "odd", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["hint"]) == ("value_not_allowed", "write one: VIP")


@pytest.mark.parametrize(
    ("variable", "value", "customer", "code", "error"),
    [
        ("HEADRACE_STORE", "s", "other:1", 1, "unknown_customer"),
        ("HEADRACE_API_KEY", "wrong", "s:1", 2, "unauthorized"),
        ("HEADRACE_ATTRIBUTES_URL", "http://127.0.0.1:1", "s:1", 3, "attributes_unavailable"),
        ("HEADRACE_ATTRIBUTES_URL", "nonsense", "s:1", 3, "attributes_unavailable"),
        ("HEADRACE_STORE", "", "1", 2, "usage"),
    ],
)
def test_get__wrong__says_what_to_do(
    service: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    customer: str,
    code: int,
    error: str,
) -> None:
    monkeypatch.setenv(variable, value)
    assert execute(["attributes", "get", customer, "--json"]) == code
    assert json.loads(capsys.readouterr().out)["error"]["code"] == error

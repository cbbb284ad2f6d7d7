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


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("X-Api-Key") != "key":
            self._answer(401, {})
        elif self.path == "/v1/customers/s:1/attributes":
            self._answer(200, FOUND)
        else:
            self._answer(404, {})

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

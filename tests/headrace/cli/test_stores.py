"""Several stores: a verb about one says which there are; one that is told whom it is about needs no more."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.customer import customer_key
from headrace.cli.dead_letters import metrics_of
from headrace.cli.letters import Filter, Letter, read_letters
from headrace.cli.main import execute
from headrace.cli.output import CliError
from headrace.cli.plan import _quota_share
from headrace.contracts.actions import DeadLetter, encode
from headrace.contracts.topics import PARTITION_WIDE_KEY
from tests.headrace.cli.test_letters import Row

STORES = """\
stores:
  abc:
    bigcommerce_token_file: token
    bigcommerce_quota_share: 0.25
    api_key_file: key
  def: {}
"""
RULES = "store: {timezone: Europe/London, currency: GBP}\ngroups: [{name: Gold}]\ngroup_order: [Gold]\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stores, no Kafka, and the files that verbs ask for."""
    files = {"stores.yaml": STORES, "token": "t0ken", "key": "k3y", "rules.yaml": RULES, "import.csv": "customer\n1\n"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("STORE", "API_KEY", "BIGCOMMERCE_TOKEN", "BIGCOMMERCE_QUOTA_SHARE", "WEBHOOK_URL"):
        monkeypatch.delenv(f"HEADRACE_{name}", raising=False)
    monkeypatch.setenv("HEADRACE_STORES", "stores.yaml")
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("HEADRACE_HASH_KEY", "h4sh")
    return tmp_path


def said(words: list[str], code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr("headrace.cli.output._Stdout.used", False)
    assert execute([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


ABOUT_ONE = [
    ["backfill"],
    ["rules", "show"],
    ["rules", "history"],
    ["rules", "diff", "1", "2"],
    ["rules", "rollback", "1"],
    ["rules", "status"],
    ["plan", "rules.yaml"],
    ["apply", "--from", "rules.yaml"],
    ["audit"],
    ["groups", "plan", "rules.yaml"],
    ["groups", "plan"],
    ["groups", "apply", "rules.yaml"],
    ["hooks", "sync"],
    ["import", "import.csv"],
    ["attributes", "list"],
    ["attributes", "define", "tier"],
    ["attributes", "undefine", "tier"],
]


@pytest.mark.parametrize("words", ABOUT_ONE, ids=" ".join)
def test_verbs__about_one_store_and_none_named__say_which_there_are(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = said(words, 2, capsys, monkeypatch)["error"]
    assert error["code"] == "settings"
    assert "HEADRACE_STORE" in error["message"]
    assert "name one of abc, def (--store)" in error["message"]
    assert error["hint"] == "name the store with --store, or in HEADRACE_STORE"
    assert "t0ken" not in json.dumps(error)


@pytest.mark.parametrize("words", ABOUT_ONE, ids=" ".join)
def test_verbs__about_a_store_that_is_not_there__say_which_there_are(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = said([*words, "--store", "xyz"], 2, capsys, monkeypatch)["error"]
    assert error["code"] == "settings"
    assert "stores.yaml has no store of this name; it has abc, def" in error["message"]


@pytest.mark.parametrize("words", [["rules", "status"], ["explain", "42"], ["dead-letters", "list", "--store", "abc"]])
def test_verbs__wrong_file__is_said_at_its_line(
    words: list[str], folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "stores.yaml").write_text("stores:\n  abc:\n    bigcommerce_token: t0ken\n")
    error = said(words, 2, capsys, monkeypatch)["error"]
    assert error["message"] == (
        "settings: HEADRACE_STORES stores.yaml:3: store abc: bigcommerce_token is a secret:"
        " write `bigcommerce_token_file:` and the path of a file"
    )
    assert error["hint"] == "mend stores.yaml"


@pytest.mark.parametrize("verb", ["list", "show 0:0", "resend 0:0", "drop 0:0 --reason x"])
def test_dead_letters__store_that_is_not_there__says_which_there_are(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = said(["dead-letters", *verb.split(), "--store", "xyz"], 2, capsys, monkeypatch)["error"]
    assert (error["code"], "there are abc, def" in error["message"]) == ("settings", True)


# -- whom a customer belongs to ----------------------------------------------------------------------------------------
def test_customer_key__store_and_number__needs_no_store_named() -> None:
    assert customer_key("abc:42") == "abc:42"


def test_customer_key__number_alone__of_the_named_one_or_says_which_there_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CliError) as caught:
        customer_key("42")
    assert caught.value.hint == "did you mean STORE:42? Or name the store with --store; there are abc, def"
    monkeypatch.setenv("HEADRACE_STORE", "def")
    assert customer_key("42") == "def:42"
    monkeypatch.delenv("HEADRACE_STORE")
    (folder / "stores.yaml").write_text("stores: {abc: {}}")
    assert customer_key("42") == "abc:42"


@pytest.mark.parametrize("verb", ["explain", "history", "state show", "outcomes", "pin", "unpin", "attributes get"])
def test_verbs__number_alone__say_which_stores_there_are(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*verb.split(), "42", *(["Gold", "--reason", "x"] if verb == "pin" else [])]
    error = said(words, 2, capsys, monkeypatch)["error"]
    assert error["hint"].endswith("there are abc, def")


# -- the attributes service, asked with the store's key ----------------------------------------------------------------
class _Service(BaseHTTPRequestHandler):
    asked: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("X-Api-Key")))
        body = (
            b'{"attributes": {}, "customer": "abc:1"}' if "customers" in self.path else b'{"attributes":[],"next":null}'
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str | None]]]:
    """Path and key of each request that the service got."""
    _Service.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("HEADRACE_ATTRIBUTES_URL", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setenv("HEADRACE_API_KEY", "sh4red")
    yield _Service.asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("words", "path", "key"),
    [
        (["get", "abc:1"], "/v1/customers/abc:1/attributes", "k3y"),
        (["get", "def:1"], "/v1/customers/def:1/attributes", "sh4red"),
        (["get", "1", "--store", "abc"], "/v1/customers/abc:1/attributes", "k3y"),
        (["list", "--store", "abc"], "/v1/attributes?after=&limit=200&store=abc", "k3y"),
        (["list", "--store", "def"], "/v1/attributes?after=&limit=200&store=def", "sh4red"),
    ],
)
def test_attributes__of_a_store__with_its_key_or_the_shared_one(
    words: list[str],
    path: str,
    key: str,
    asked: list[tuple[str, str | None]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said(["attributes", *words], 0, capsys, monkeypatch)
    assert asked == [(path, key)]


# -- whose a dead letter is --------------------------------------------------------------------------------------------
def letter(key: bytes | None, value: bytes = b"{}", own_key: bytes | None = None) -> Letter:
    record = DeadLetter(
        reason="failed",
        detail="",
        service="group",
        topic="headrace.events",
        partition=0,
        offset=7,
        key=key,
        value=value,
    )
    (found,) = read_letters([Row(0, encode(record), key=own_key)])
    return found


@pytest.mark.parametrize(
    ("found", "store"),
    [
        (letter(b"abc:1"), "abc"),
        (letter(b"abc:1", b'{"store":"def"}', b"def:1"), "abc"),
        (letter(PARTITION_WIDE_KEY, b'{"store":"def","data":{}}'), "def"),
        (letter(PARTITION_WIDE_KEY, b"garbage"), ""),
        (letter(None), ""),
        (letter(b"\xff:1"), "\ufffd"),
        (read_letters([Row(0, b"garbage", key=b"abc:1")])[0], "abc"),
        (read_letters([Row(0, b"garbage", key=b"-")])[0], ""),
    ],
)
def test_letter__store__by_its_key_else_by_what_it_says(found: Letter, store: str) -> None:
    assert found.store == store
    assert Filter(store="abc").takes(found) is (store == "abc")
    assert Filter().takes(found)


def test_metrics_of__several_stores__each_has_its_own() -> None:
    text = metrics_of([letter(b"abc:1"), letter(b"abc:2"), letter(b"def:1")], by_store=True)
    assert 'headrace_dead_letters_open{service="group",reason="failed",store="abc"} 2\n' in text
    assert 'headrace_dead_letters_open{service="group",reason="failed",store="def"} 1\n' in text


def test_plan__quota_share__is_the_stores_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_BIGCOMMERCE_QUOTA_SHARE", "0.75")
    monkeypatch.setenv("HEADRACE_STORE", "abc")
    assert _quota_share() == 0.25
    monkeypatch.setenv("HEADRACE_STORE", "def")
    assert _quota_share() == 0.75

"""Logs: JSON lines on stderr, nothing personal or secret in them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from headrace.runtime.logs import REDACTED, configure_logs, log, redact


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_log__configured__one_json_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("ingest", "info")

    log.info("process.started", pid=7)
    log.debug("process.stopping")

    (line,) = lines(capsys)
    assert line["event"] == "process.started"
    assert (line["service"], line["level"], line["pid"]) == ("ingest", "info", 7)
    assert line["timestamp"].endswith("Z")


def test_log__several_threads__a_line_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []

    class Stderr(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    monkeypatch.setattr("sys.stderr", Stderr())
    configure_logs("ingest", "info")

    log.info("process.started")
    logging.getLogger("aiokafka").warning("away")

    assert [json.loads(text)["event"] for text in written] == ["process.started", "away"]
    assert all(text.endswith("\n") for text in written)


@pytest.mark.parametrize(
    "key",
    [
        "email", "e_mail", "customer_email", "first_name", "last_name", "phone", "token", "access_token",
        "X-Auth-Token", "authorization", "Authorization", "body", "password", "kafka_sasl_password", "client_secret",
        "api_key", "hash_key", "mailchimp_key", "database_url", "personal", "signature", "webhook-signature",
    ],
)  # fmt: skip
def test_redact__key_of_a_secret__value_gone(key: str) -> None:
    assert redact(None, "info", {key: "visible"}) == {key: REDACTED}


@pytest.mark.parametrize(
    "key", ["event", "customer", "key", "topic", "store", "reason", "tokens_left", "email_tags", "rule"]
)
def test_redact__other_key__value_stays(key: str) -> None:
    assert redact(None, "info", {key: "visible"}) == {key: "visible"}


def test_redact__nested_and_in_text__gone() -> None:
    found = redact(None, "info", {"a": {"email": "x", "n": [{"token": 1}, "to: jo@shop.example!"]}, "b": ("ok",)})

    assert found == {"a": {"email": REDACTED, "n": [{"token": REDACTED}, f"to: {REDACTED}!"]}, "b": ["ok"]}


def test_exception__logged__type_message_and_frames_without_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("ingest")
    try:
        raise ValueError("no customer jo@shop.example")
    except ValueError:
        log.exception("task.failed")

    (line,) = lines(capsys)
    assert line["error"] == "ValueError"
    assert line["message"] == f"no customer {REDACTED}"
    assert "test_logs.py" in line["frames"][-1]


def test_library_log__warning__json_too(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("ingest")

    logging.getLogger("aiokafka").warning("lost %s", "jo@shop.example")
    logging.getLogger("aiokafka").info("chatter")

    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["level"]) == (f"lost {REDACTED}", "aiokafka", "warning")


def test_redact__problems_of_settings_named_like_secrets__say_what_is_wrong() -> None:
    problems = {"HEADRACE_BIGCOMMERCE_TOKEN": "is missing", "HEADRACE_HASH_KEY_FILE": "is not UTF-8 text"}
    assert redact(None, "error", {"problems": problems, "nested": {"token": "t"}}) == {
        "problems": problems,
        "nested": {"token": REDACTED},
    }

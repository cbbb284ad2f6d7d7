"""A broker's last words become an error that says what to do."""

import errno
from pathlib import Path

import pytest

from headrace.runtime.broker_errors import explain_end, explain_os_error


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("ERROR Error while writing to checkpoint file: No space left on device", "disk_full"),
        ("FATAL Socket server failed to bind to 127.0.0.1:9092: Address already in use.", "port_taken"),
        ("KafkaException: Failed to acquire lock on file .lock in /data", "kafka_already_running"),
        ("Error: Could not create the Java Virtual Machine.", "kafka_failed"),
    ],
)
def test_explain_end__known_words__named(line: str, code: str, tmp_path: Path) -> None:
    assert explain_end(["INFO before", line], tmp_path, 9092).code == code


def test_explain_end__unknown__shows_the_telling_lines(tmp_path: Path) -> None:
    found = explain_end(["INFO a", "2026 ERROR Server: it broke", *["INFO noise"] * 50], tmp_path, 1)

    assert "it broke" in found.message
    assert "noise" not in found.message
    assert str(tmp_path) in found.hint


def test_explain_end__silence__says_so(tmp_path: Path) -> None:
    assert "without a word" in explain_end([], tmp_path, 1).message


def test_explain_os_error__not_the_disk__is_none(tmp_path: Path) -> None:
    assert explain_os_error(OSError(errno.ECONNREFUSED, "refused"), tmp_path) is None

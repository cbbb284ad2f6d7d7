"""`headrace demo` with what it cannot use: refused before anything is started, with the place and the mend."""

import json
from pathlib import Path

import pytest

from headrace.cli.main import execute


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(folder: Path) -> None:
        raise AssertionError("a broker was started")

    monkeypatch.setattr("headrace.cli.demo.Broker", never)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--orders", "some"], "bad_option", "write a number above 0, or all"),
        (["--sabotage", "nothing"], "bad_option", "drop-event, stale-group, double-refund"),
        (["--chaos", "kill=nobody:2"], "bad_option", "evaluator, hydrate"),
        (["--data", __file__], "bad_data", "neither parquet nor CSV"),
        (["--speed", "0"], "usage", "--speed"),
        (["--stores", "0"], "usage", "--stores"),
        (["--ports-file", "/no/such/folder/ports.json"], "usage", "no file can be written there"),
    ],
)
def test_demo__option_of_no_use__exit_2_and_what_to_write(
    arguments: list[str], code: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["demo", *arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == code
    assert message in error["message"]


def test_demo__a_kafka_that_is_not_its_own__not_killed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    assert execute(["demo", "--chaos", "kill=kafka:1", "--json"]) == 2
    assert "not this demo's to kill" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_demo__bad_rules__refused_with_their_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules.yaml").write_text("store: {timezone: Europe/London, currency: GBP}\nsegmens: []\n")

    assert execute(["demo", "--rules", str(tmp_path), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert (error["code"], error["line"], error["column"]) == ("unknown_key", 2, 1)

"""The harness's command line."""

import pytest

from benchmarks.engine.options import parse_options
from benchmarks.engine.systems import SYSTEMS


def test_parse_options__none__all_systems_three_times() -> None:
    found = parse_options([])
    assert (found.rounds, found.events, found.customers, found.systems) == (3, 240_000, 20_000, tuple(SYSTEMS))


def test_parse_options__given__are_taken() -> None:
    found = parse_options(
        ["--rounds", "1", "--events", "5", "--customers", "2", "--systems", "quix, headrace,quix", "--json"]
    )
    assert (found.rounds, found.events, found.customers, found.json) == (1, 5, 2, True)
    assert found.systems == ("quix", "headrace")


@pytest.mark.parametrize("wrong", [["--systems", "flink"], ["--systems", ","], ["--rounds", "0"], ["--events", "x"]])
def test_parse_options__wrong__ends_with_two(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err

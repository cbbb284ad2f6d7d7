"""The harness's command line."""

import pytest

from benchmarks.engine.options import parse_options
from benchmarks.engine.systems import SYSTEMS


def test_parse_options__none__all_systems_three_times() -> None:
    found = parse_options([])
    assert (found.rounds, found.events, found.customers, found.systems) == (3, 240_000, 20_000, tuple(SYSTEMS))
    assert (found.json, found.keep) == (False, False)


def test_parse_options__given__are_taken() -> None:
    found = parse_options(
        ["--rounds", "1", "--events", "5", "--customers", "2", "--systems", "quix, headrace,quix", "--json", "--keep"]
    )
    assert (found.rounds, found.events, found.customers, found.json, found.keep) == (1, 5, 2, True, True)
    assert found.systems == ("quix", "headrace")


def test_parse_options__events_alone__a_twelfth_are_customers() -> None:
    found = parse_options(["--workload", "large", "--events", "24000"])
    assert (found.workload, found.events, found.customers) == ("large", 24_000, 2_000)


def test_parse_options__large__is_ten_times_long_without_faust() -> None:
    found = parse_options(["--workload", "large"])
    assert (found.events, found.customers) == (2_000_000, 200_000)
    assert "faust" not in found.systems
    assert parse_options(["--workload", "large", "--systems", "faust"]).systems == ("faust",)


@pytest.mark.parametrize(
    "wrong",
    [["--systems", "flink"], ["--systems", ","], ["--rounds", "0"], ["--events", "x"], ["--workload", "tiny"]],
)
def test_parse_options__wrong__ends_with_two(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(wrong)
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err

"""The arithmetic of the results, on figures that can be checked by hand."""

from typing import Any

import pytest

from benchmarks.engine.results import MarksMissing, medians, number, order_of_round, percentile, ratios, speeds, table


def mark(name: str, events: int, at_s: float, cpu_s: float) -> dict[str, Any]:
    return {"mark": name, "events": events, "at_s": at_s, "cpu_s": cpu_s}


def of_round(system: str, rate: float, **more: Any) -> dict[str, Any]:
    return {"system": system, "events_per_second": rate, "cpu_us_per_event": 10.0, "p50_ms": None, **more}


def test_speeds__three_marks__whole_and_second_half() -> None:
    whole, warm = speeds([mark("first", 0, 10, 1.0), mark("half", 500, 12, 2.0), mark("last", 1000, 13, 2.5)])
    assert whole.events_per_second == pytest.approx(1000 / 3)
    assert whole.cpu_us_per_event == pytest.approx(1500)
    assert warm.events_per_second == pytest.approx(500)
    assert warm.cpu_us_per_event == pytest.approx(1000)


def test_speeds__a_mark_is_missing__is_named() -> None:
    with pytest.raises(MarksMissing, match="last"):
        speeds([mark("first", 0, 10, 1.0)])


def test_medians__failed_rounds__do_not_count() -> None:
    rounds = [of_round("a", 1), of_round("a", 9), of_round("a", 2), {"system": "a", "error": "x"}]
    found = medians([*rounds, {"system": "b", "error": "x"}])
    assert list(found) == ["a"]
    assert found["a"]["events_per_second"] == 2
    assert found["a"]["p50_ms"] is None
    assert found["a"]["range"]["events_per_second"] == [1, 9]


def test_ratios__ours_by_each_peer() -> None:
    found = medians([of_round("quix", 20), of_round("headrace", 50), of_round("faust", 2, cpu_us_per_event=40.0)])
    assert ratios(found) == {"headrace/quix": 2.5, "headrace/faust": 25.0}
    assert ratios(found, "cpu_us_per_event") == {"headrace/quix": 1.0, "headrace/faust": 0.25}
    assert ratios(found, "p50_ms") == {}


def test_ratios__without_ours__are_none() -> None:
    assert ratios(medians([of_round("quix", 20)])) == {}


def test_order_of_round__each_system_begins_once() -> None:
    assert [order_of_round("abc", number) for number in range(4)] == [
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100), (0.001, 1)])
def test_percentile__of_1_to_100__is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(list(range(1, 101)), share) == expected


def test_percentile__one_value__is_it() -> None:
    assert percentile([7.0], 0.99) == 7.0


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (1234567.0, "1,234,567"), (99.94, "99.9"), (1.234, "1.23"), (0, "0.00")]
)
def test_number__by_size__three_digits_or_all(value: float | None, text: str) -> None:
    assert number(value) == text


def test_table__a_figure_is_missing__is_a_dash() -> None:
    lines = table({"a": {"x": 2000.0}, "longer": {}}, {"x": "how many"}).splitlines()
    assert [line.split() for line in lines] == [["system", "how", "many"], ["a", "2,000"], ["longer", "-"]]
    assert len({len(line) for line in lines}) == 1

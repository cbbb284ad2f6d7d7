"""What the marks of the runs amount to: figures of a round, medians over rounds, ratios of ours to each peer's.

Pure; measuring is the benchmarks' work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import Any, Final

OURS: Final = "headrace"
_NO_FIGURES: Final = frozenset({"system", "round", "guarantee", "error", "detail"})


class MarksMissing(Exception):
    """A run that did not say all of its marks."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Events a second and microseconds of CPU an event."""

    events_per_second: float
    cpu_us_per_event: float


def speeds(marks: Sequence[Mapping[str, Any]]) -> tuple[Speed, Speed]:
    """Of the whole run, and of its second half ("warm": the JIT has compiled, the customers have their orders).

    Raises `MarksMissing`.
    """
    return speed(marks, "first", "last"), speed(marks, "half", "last")


def speed(marks: Sequence[Mapping[str, Any]], first: str, last: str) -> Speed:
    """Between two marks. Raises `MarksMissing`."""
    by_name = {mark["mark"]: mark for mark in marks}
    if missing := [name for name in (first, last) if name not in by_name]:
        raise MarksMissing(", ".join(missing))
    start, end = by_name[first], by_name[last]
    # A mark is said before its events are folded: "half" of a chunk counts the chunk already, which is to our loss.
    events = end["events"] - start["events"]
    seconds = max(end["at_s"] - start["at_s"], 1e-9)
    return Speed(events / seconds, (end["cpu_s"] - start["cpu_s"]) / max(events, 1) * 1e6)


def medians(rounds: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """system -> figure -> median over its good rounds, and [min, max] of them under "range"."""
    found: dict[str, dict[str, Any]] = {}
    for system in dict.fromkeys(each["system"] for each in rounds):
        good = [each for each in rounds if each["system"] == system and not each.get("error")]
        if not good:
            continue
        names = dict.fromkeys(name for each in good for name in each if name not in _NO_FIGURES)
        values = {name: [each[name] for each in good if each.get(name) is not None] for name in names}
        found[system] = {name: round(median(each), 2) if each else None for name, each in values.items()}
        found[system]["range"] = {name: [min(each), max(each)] for name, each in values.items() if each}
    return found


def ratios(
    by_system: Mapping[str, Mapping[str, Any]], figure: str = "events_per_second", *, ours: str = OURS
) -> dict[str, float]:
    """ "headrace/<peer>" -> our median by the peer's; empty without ours."""
    mine = by_system.get(ours)
    if mine is None or mine.get(figure) is None:
        return {}
    return {
        f"{ours}/{peer}": round(mine[figure] / figures[figure], 3)
        for peer, figures in by_system.items()
        if peer != ours and figures.get(figure)
    }


def order_of_round(systems: Sequence[str], number: int) -> list[str]:
    """The systems rotated by the round's number, so that none always runs first."""
    start = number % len(systems)
    return [*systems[start:], *systems[:start]]


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values, e.g. share 0.99. Raises IndexError for no values."""
    return values[max(0, ceil(share * len(values)) - 1)]


def table(by_system: Mapping[str, Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """The medians in columns (figure -> heading), for a terminal."""
    rows = [["system", *columns.values()]]
    rows += [[name, *(number(found.get(figure)) for figure in columns)] for name, found in by_system.items()]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(pairs))
        for row in rows
        for pairs in [list(zip(row, widths, strict=True))]
    )


def number(value: float | None) -> str:
    """Three or more digits, thousands with commas; "-" for none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"

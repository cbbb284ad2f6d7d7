"""What the marks of the runs amount to: figures of a round, medians over rounds, ratios of ours to each peer's.

Pure; measuring is `run.py`'s work.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

OURS: Final = "headrace"
FIGURES: Final = (
    "events_per_second",
    "cpu_us_per_event",
    "warm_events_per_second",
    "warm_cpu_us_per_event",
    "p50_ms",
    "p99_ms",
    "rss_mb",
    "changelog_bytes_per_event",
    "broker_cpu_us_per_event",
)


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
    by_name = {mark["mark"]: mark for mark in marks}
    if missing := [name for name in ("first", "half", "last") if name not in by_name]:
        raise MarksMissing(", ".join(missing))
    return _between(by_name["first"], by_name["last"]), _between(by_name["half"], by_name["last"])


def _between(start: Mapping[str, Any], end: Mapping[str, Any]) -> Speed:
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
        values = {name: [each[name] for each in good if each.get(name) is not None] for name in FIGURES}
        found[system] = {name: round(median(each), 2) if each else None for name, each in values.items()}
        found[system]["range"] = {name: [min(each), max(each)] for name, each in values.items() if each}
    return found


def ratios(by_system: Mapping[str, Mapping[str, Any]], figure: str = "events_per_second") -> dict[str, float]:
    """ "headrace/<peer>" -> our median by the peer's; empty without ours."""
    ours = by_system.get(OURS)
    if ours is None:
        return {}
    return {
        f"{OURS}/{peer}": round(ours[figure] / figures[figure], 3)
        for peer, figures in by_system.items()
        if peer != OURS and figures.get(figure) and ours.get(figure) is not None
    }


def order_of_round(systems: Sequence[str], number: int) -> list[str]:
    """The systems rotated by the round's number, so that none always runs first."""
    start = number % len(systems)
    return [*systems[start:], *systems[:start]]

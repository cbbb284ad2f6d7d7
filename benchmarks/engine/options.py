"""The command lines of the benchmarks that compare systems."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.engine.systems import SYSTEMS

WORKLOADS: Final = {
    # events, customers, systems
    "long": (240_000, 20_000, tuple(SYSTEMS)),
    "large": (2_000_000, 200_000, ("headrace", "quix", "kafka-streams", "kafka-streams-eos")),
    "million": (3_000_000, 1_000_000, ("headrace", "quix", "kafka-streams")),
}
_EVENTS_PER_CUSTOMER: Final = 12


@dataclass(frozen=True, slots=True)
class Options:
    """`events` over `customers`, `rounds` times for each of `systems`."""

    workload: str
    rounds: int
    events: int
    customers: int
    systems: tuple[str, ...]
    json: bool
    keep: bool


def parse_options(arguments: Sequence[str]) -> Options:
    """Options of the command line; exits with 2 and a usage text when they are wrong."""
    parser = argparse.ArgumentParser("benchmarks.engine.run", description="Events a second of the engine and its peers")
    add_common(parser)
    parser.add_argument("--workload", choices=tuple(WORKLOADS), default="long")
    parser.add_argument("--events", type=positive)
    parser.add_argument("--customers", type=positive, help="default: a twelfth of the events")
    parser.add_argument("--systems", type=system_names, help=", ".join(SYSTEMS))
    found = parser.parse_args(arguments)
    events, customers, systems = WORKLOADS[found.workload]
    if found.events:
        events, customers = found.events, max(1, found.events // _EVENTS_PER_CUSTOMER)
    return Options(
        found.workload,
        found.rounds,
        events,
        found.customers or customers,
        found.systems or systems,
        found.json,
        found.keep,
    )


def add_common(parser: argparse.ArgumentParser, *, rounds: int = 3) -> None:
    """What every benchmark takes."""
    parser.add_argument("--rounds", type=positive, default=rounds)
    parser.add_argument("--json", action="store_true", help="print the whole result as JSON")
    parser.add_argument("--keep", action="store_true", help="also write it to docs/reports/bench/")


def positive(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def system_names(text: str) -> tuple[str, ...]:
    """Names of systems with commas between them."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown) or 'none named'}; there are {', '.join(SYSTEMS)}"
        )
    return names

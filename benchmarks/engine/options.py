"""The harness's command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.engine.systems import SYSTEMS


@dataclass(frozen=True, slots=True)
class Options:
    """`events` over `customers`, `rounds` times for each of `systems`."""

    rounds: int
    events: int
    customers: int
    systems: tuple[str, ...]
    json: bool


def parse_options(arguments: Sequence[str]) -> Options:
    """Options of the command line; exits with 2 and a usage text when they are wrong."""
    parser = argparse.ArgumentParser("benchmarks.engine.run", description="Events a second of the engine and its peers")
    parser.add_argument("--rounds", type=_positive, default=3)
    parser.add_argument("--events", type=_positive, default=240_000)
    parser.add_argument("--customers", type=_positive, help="default: a twelfth of the events")
    parser.add_argument("--systems", type=_systems, default=tuple(SYSTEMS), help=", ".join(SYSTEMS))
    parser.add_argument("--json", action="store_true")
    found = parser.parse_args(arguments)
    customers = found.customers or max(1, found.events // 12)
    return Options(found.rounds, found.events, customers, found.systems, found.json)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _systems(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in SYSTEMS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown: {', '.join(unknown) or 'none named'}; there are {', '.join(SYSTEMS)}"
        )
    return names

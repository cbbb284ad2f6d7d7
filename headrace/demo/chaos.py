"""Kills on purpose: which process dies how often, and at which share of the orders played, all from the seed."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

DEFAULT_VICTIMS: Final = ("evaluator", "hydrate", "actions", "email-tags", "attributes", "effects")
BROKER: Final = "kafka"
VICTIMS: Final = (*DEFAULT_VICTIMS, "receive", "feed", BROKER)
"""Names as in `headrace dev --ports-file`, `pids`; and the local broker, which stays away for a while."""


class ChaosError(ValueError):
    """The option is not `kill=NAME,NAME:TIMES`."""


@dataclass(frozen=True, slots=True, order=True)
class Kill:
    """SIGKILL for `victim` once `share` (0 to 1) of the orders were played."""

    share: float
    victim: str


def parse_chaos(text: str) -> tuple[tuple[str, ...], int]:
    """`kill=evaluator,hydrate:3` as (victims, times each); `default` is everyone who works, three times each."""
    if text == "default":
        return DEFAULT_VICTIMS, 3
    what, _, rest = text.partition("=")
    names, _, times = rest.rpartition(":")
    victims = tuple(name.strip() for name in names.split(",") if name.strip())
    unknown = [name for name in victims if name not in VICTIMS]
    if what != "kill" or not victims or unknown or not times.isdigit() or int(times) < 1:
        raise ChaosError(
            f"--chaos {text!r}: write kill=NAME,NAME:TIMES with names of {', '.join(VICTIMS)}; for example "
            "kill=evaluator,hydrate,actions,attributes:3"
        )
    return victims, int(times)


def schedule(victims: Iterable[str], times: int, *, seed: int) -> list[Kill]:
    """When each dies: between a twentieth and nineteen twentieths of the run, in order."""
    random = Random(f"{seed}/chaos")
    return sorted(Kill(random.uniform(0.05, 0.9), victim) for victim in victims for _ in range(times))

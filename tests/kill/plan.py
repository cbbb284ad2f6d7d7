"""What one seed does: the fold, the load, and the script of faults, all drawn from its number alone.

Nothing here starts or stops anything: `crew.py` carries a script out, `run.py` a whole run.
"""

import random
from dataclasses import dataclass
from typing import Final, Literal, get_args

from services.evaluator.engine.phases import Phase

FoldName = Literal["counting", "customers"]
LoadName = Literal["full", "low"]
FaultKind = Literal["kill", "term", "join", "stop", "inside", "broker"]

FAULTS: Final[tuple[FaultKind, ...]] = get_args(FaultKind)
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
MOST_WORKERS: Final = 4
SESSION_S: Final = 6.0
STAYS_AWAY: Final = 1e6
"""An ended worker that comes back with a later join only."""
_WEIGHTS: Final[dict[FaultKind, int]] = {"kill": 4, "term": 3, "join": 3, "stop": 3, "inside": 5, "broker": 0}
_BROKER_IN: Final = 0.4
"""Share of the seeds in which the broker is killed, once: it needs 12 to 19 s to come back."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a script. `worker`: the slot it is meant for; another that fits takes its place.

    `lasts_s`: how long a stop lasts, the broker stays away, or a killed or ended worker is missing.
    """

    at_s: float
    kind: FaultKind
    worker: int = 0
    lasts_s: float = 0.0
    phase: Phase = "begin"


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole run. `pauses`: small random pauses between the steps inside the workers."""

    seed: int
    fold: FoldName
    load: LoadName
    workers: int
    pauses: bool
    compacted: bool
    faults: tuple[Fault, ...]

    @property
    def kinds(self) -> frozenset[FaultKind]:
        """The kinds of fault in the script."""
        return frozenset(fault.kind for fault in self.faults)


def draw(seed: int, *, seconds: float = 40.0) -> Plan:
    """The plan of a seed; `seconds` is about how long faults go on."""
    chance = random.Random(f"headrace-kill-{seed}")
    fold: FoldName = "counting" if seed % 2 else "customers"
    load: LoadName = chance.choice(("full", "low"))
    workers = chance.randint(1, MOST_WORKERS)
    pauses, compacted = chance.random() < 0.5, chance.random() < 0.5
    return Plan(seed, fold, load, workers, pauses, compacted, tuple(_script(chance, seconds)))


def _script(chance: random.Random, seconds: float) -> list[Fault]:
    broker_at = chance.uniform(0.2, 0.6) * seconds if chance.random() < _BROKER_IN else seconds * 2
    at, script = chance.uniform(1.0, 3.0), list[Fault]()
    while at < seconds:
        if at >= broker_at:
            script.append(Fault(round(at, 2), "broker", lasts_s=round(chance.uniform(0.5, 3.0), 2)))
            broker_at = seconds * 2
        else:
            (kind,) = chance.choices(FAULTS, weights=[_WEIGHTS[each] for each in FAULTS])
            script.append(_fault(chance, kind, at))
        at += chance.uniform(2.0, 6.5)
    return script


def _fault(chance: random.Random, kind: FaultKind, at: float) -> Fault:
    lasts = {
        "stop": SESSION_S + chance.uniform(1.5, 5.0),
        # Beyond the transaction's time-out of 10 s too, now and then.
        "inside": SESSION_S + chance.choice((chance.uniform(1.5, 3.0), chance.uniform(5.0, 8.0))),
        "kill": chance.uniform(0.0, 2.0),
        "term": chance.choice((STAYS_AWAY, chance.uniform(0.0, 6.0))),
    }.get(kind, 0.0)
    return Fault(round(at, 2), kind, chance.randrange(MOST_WORKERS), round(lasts, 2), chance.choice(PHASES))

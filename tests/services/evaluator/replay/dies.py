"""`python -m tests.services.evaluator.replay.dies STEP`: `headrace replay --promote` that kills itself at a step.

What has to be so afterwards is in `test_broken_promotion.py`.
"""

import os
import signal
import sys
from typing import Any, Final

from services.evaluator.replay import promote
from services.evaluator.replay.verbs import run_verb

_draw = promote._draw


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def draws_and_dies(lines: int | None) -> Any:
    """Writes the promotion to so many partitions, None for all."""

    def draw(settings: Any, *, old: int, new: int, partitions: tuple[int, ...]) -> Any:
        _draw(settings, old=old, new=new, partitions=partitions[:lines])
        die()

    return draw


STEPS: Final[dict[str, tuple[str, Any]]] = {
    "generation finished": ("_worker", die),
    "close behind": ("_draw", die),
    "one line": ("_draw", draws_and_dies(1)),
    "two lines": ("_draw", draws_and_dies(2)),
    "all lines": ("_draw", draws_and_dies(None)),
    "line passed": ("_come_over", die),
}

if __name__ == "__main__":
    name, instead = STEPS[sys.argv[1]]
    setattr(promote, name, instead)
    sys.exit(run_verb(["replay", "--promote"]))

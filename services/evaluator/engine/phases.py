"""The phases of a transaction, at which a test may stop, kill or abort a worker: `HEADRACE_TEST_STOP=phase:what:nth`.

`what` is stop (SIGSTOP, the default), kill or abort; `nth` is the transaction of this process that it happens to,
counted from 1 (the default), and to that one only. Like the cures' switch it is refused outside test runs.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, get_args

from confluent_kafka import KafkaError, KafkaException

from services.evaluator.engine.cures import is_test_run

STOP: Final = "HEADRACE_TEST_STOP"

Phase = Literal["begin", "produced", "flushed", "offsets_sent", "before_commit", "committed"]
"""What a transaction has just done; "committed": Kafka has confirmed it, the engine does not know yet."""
_SIGNALS: Final = {"stop": signal.SIGSTOP, "kill": signal.SIGKILL}


class _Stop(NamedTuple):
    phase: str
    what: str
    nth: int


def refusal(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why a process with this environment must not start, None when it may."""
    if not (asked := environ.get(STOP)):
        return None
    if not is_test_run(environ):
        return f"{STOP} is for tests only: it stops the worker"
    return None if _parsed(asked) else f"{STOP}: {asked!r} is not phase:what:nth"


def reached(phase: Phase) -> None:
    """Between two steps of a transaction. Raises `KafkaException` where a test wants it aborted."""
    if _at is None or phase != _at.phase:
        return
    _seen[phase] += 1
    if _seen[phase] != _at.nth:
        return
    if _at.what == "abort":
        raise KafkaException(KafkaError(KafkaError._FAIL, f"a test aborts at {phase}"))
    os.kill(os.getpid(), _SIGNALS[_at.what])


def read_switch(environ: Mapping[str, str] = os.environ) -> None:
    """Takes what the environment asks for, if it may; called once at import, and by tests that change it."""
    global _at  # noqa: PLW0603  # one switch per process
    _at = None if refusal(environ) else _parsed(environ.get(STOP, ""))
    _seen.clear()


def _parsed(text: str) -> _Stop | None:
    phase, _, rest = text.partition(":")
    what, _, nth = rest.partition(":")
    stop = _Stop(phase, what or "stop", int(nth) if nth.isdecimal() else 1)
    known = phase in get_args(Phase) and stop.what in {*_SIGNALS, "abort"}
    return stop if known and stop.nth > 0 and (not nth or nth.isdecimal()) else None


_at: _Stop | None = None
_seen: Final[Counter[str]] = Counter()
read_switch()

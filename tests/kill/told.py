"""What a worker process is told, at its start and later by signal; it does so in `worker.py`."""

import signal
from typing import Final

from msgspec import Struct

from tests.kill.plan import FoldName

TELL_TASKS: Final = signal.SIGUSR1
"""Has a worker write every task's stack to its log."""
TELL_THREADS: Final = signal.SIGUSR2
"""The same for threads."""


class Told(Struct):
    """`stop_file`: names a phase of a transaction to stop in, once; the worker takes it away then."""

    fold: FoldName
    stop_file: str
    partitions: int
    pauses: bool

"""Which core is whose: broker, loader and harness have the first, the worker that is measured the second."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

OUR_CORE: Final = 0
WORKER_CORE: Final = 1


def can_pin() -> bool:
    """Whether this machine has both cores, and can keep a process to one."""
    return (os.cpu_count() or 1) > WORKER_CORE and hasattr(os, "sched_setaffinity")


@contextmanager
def on_cores(*cores: int) -> Iterator[None]:
    """This process and the children it starts meanwhile keep to these cores, where that can be."""
    if not can_pin():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

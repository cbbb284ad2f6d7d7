"""What a test lets happen beside itself: a step repeated in a thread until the block ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(step: Callable[[], None], *, every_s: float) -> Iterator[None]:
    """Calls `step` with `every_s` seconds of rest between; what it raises ends it, and fails the block at its end."""
    ended = threading.Event()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            while not ended.wait(every_s):
                step()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="repeating")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    if failed:
        raise failed[0]

"""What the bytes alone cost: a loop that decodes events, and decodes and encodes states, and does nothing else.

Which events and states is the caller's: those of a run of the evaluator, as they stand in its topics.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from headrace.contracts.events import decode_event
from headrace.segmentation.codec import decode_state, encode_state


def event_us(events: Sequence[bytes]) -> float:
    """Microseconds of CPU to decode an event."""
    return _measure(decode_event, events)


def state_us(states: Sequence[bytes]) -> float:
    """Microseconds of CPU to decode a state and encode it again."""
    return _measure(lambda body: encode_state(decode_state(body)), states)


def _measure(call: Callable[[bytes], object], values: Sequence[bytes]) -> float:
    with _as_in_a_worker():
        began = time.process_time()
        for value in values:
            call(value)
        return (time.process_time() - began) / max(len(values), 1) * 1e6


@contextmanager
def _as_in_a_worker() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)

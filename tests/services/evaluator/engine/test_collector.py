"""The collector's turn comes with an epoch's end: cycles do not pile up, and nothing else is looked at meanwhile."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from services.evaluator.engine.collector import Collector, begin


class _Ring:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_collector__young_cycle__gone_at_the_end_of_the_epoch() -> None:
    begin()
    ring = weakref.ref(_Ring())
    kept = [[number] for number in range(200_000)]  # far more than the interpreter's own threshold
    assert ring() is not None
    Collector().epoch_closed()
    assert ring() is None
    assert len(kept) == 200_000


def test_collector__old_cycle__gone_after_many_epochs() -> None:
    begin()
    collector = Collector()
    ring = _Ring()
    gone = weakref.ref(ring)
    collector.epoch_closed()  # it survives, and is young no longer
    del ring
    collector.epoch_closed()
    assert gone() is not None
    for _ in range(1_000):
        collector.epoch_closed()
    assert gone() is None

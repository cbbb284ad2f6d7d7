"""The catalogue: complete, and named by one convention."""

import re
from typing import get_args

import pytest

from headrace.runtime.catalogue import METRICS, LogEvent
from headrace.runtime.metrics import counter, exposition, gauge, histogram, uncatalogued


def test_metrics__literal_and_table__name_the_same() -> None:
    assert uncatalogued() == set()


@pytest.mark.parametrize("name", METRICS)
def test_metrics__each__follows_the_convention(name: str) -> None:
    metric = next(row for key, row in METRICS.items() if key == name)

    assert re.fullmatch(r"headrace_[a-z_]+", name)
    assert metric.doc
    assert (metric.kind == "counter") == name.endswith("_total")


def test_log_events__each__is_noun_and_past() -> None:
    names = get_args(LogEvent)

    assert len(names) == len(set(names))
    assert [name for name in names if not re.fullmatch(r"[a-z_]+\.[a-z_]+", name)] == []


def test_counter__incremented__is_exposed() -> None:
    counter("headrace_retries_total", target="test").inc()

    assert b'headrace_retries_total{target="test"}' in exposition()


def test_metric__wrong_kind_or_labels__refused() -> None:
    with pytest.raises(ValueError, match="is a counter, not a gauge"):
        gauge("headrace_retries_total", target="test")
    with pytest.raises(ValueError, match="is a counter, not a histogram"):
        histogram("headrace_retries_total", target="test")
    with pytest.raises(ValueError, match="label"):
        counter("headrace_retries_total", wrong="test")

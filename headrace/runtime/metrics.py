"""Metrics by their catalogued names, on one registry that the health port serves.

The names, kinds and labels live in `headrace.runtime.catalogue`.
"""

from contextvars import ContextVar
from functools import cache
from typing import Final, cast, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from headrace.runtime.catalogue import METRICS, MetricName

REGISTRY: Final = CollectorRegistry()
_STORE: Final = "store"
_store: ContextVar[str] = ContextVar("headrace_metrics_store", default="")
_by_store = [False]


def label_by_store() -> None:
    """From now on every metric has the label `store` too: for a process of several stores, before its first metric."""
    _by_store[0] = True


def is_by_store() -> bool:
    """Whether this is a process of several stores."""
    return _by_store[0]


def for_store(store: str) -> None:
    """What this task and those it starts count is this store's."""
    _store.set(store)


def whose() -> str:
    """The store that this task works for, of several; "" for none."""
    return _store.get()


def counter(name: MetricName, **labels: str) -> Counter:
    """`counter("headrace_retries_total", target="kafka").inc()`. Raises ValueError for wrong labels or kind.

    `store=` says whose it is, instead of this task's store; "" is the process. Without several stores it says nothing.
    """
    return cast("Counter", _child(name, "counter", labels))


def gauge(name: MetricName, **labels: str) -> Gauge:
    """Like `counter`, for a value that goes up and down."""
    return cast("Gauge", _child(name, "gauge", labels))


def histogram(name: MetricName, **labels: str) -> Histogram:
    """Like `counter`, for a distribution: `.observe(value)`."""
    return cast("Histogram", _child(name, "histogram", labels))


def forget(**labels: str) -> None:
    """Takes back every gauge that has all of these labels: `forget(partition="3")` when it is somebody else's now.

    With several stores: those of this task's store.
    """
    if _by_store[0]:
        labels = {_STORE: _store.get(), **labels}
    for family in _families():
        held = [dict(zip(family._labelnames, values, strict=True)) for values in list(family._metrics)]
        for one in held:
            if labels.items() <= one.items():
                family.remove(*one.values())


def exposition() -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(REGISTRY)


def _child(name: MetricName, kind: str, labels: dict[str, str]) -> Counter | Gauge | Histogram:
    metric = METRICS[name]
    if metric.kind != kind:
        raise ValueError(f"{name} is a {metric.kind}, not a {kind}")
    family = _family(name)
    if _by_store[0]:
        labels = {_STORE: _store.get(), **labels}
    elif _STORE not in metric.labels:
        labels.pop(_STORE, None)
    return family.labels(**labels) if metric.labels or labels else family


@cache
def _family(name: MetricName) -> Counter | Gauge | Histogram:
    metric = METRICS[name]
    more = (_STORE,) if _by_store[0] and _STORE not in metric.labels else ()
    labels = (*metric.labels, *more)
    if metric.kind == "counter":
        return Counter(name, metric.doc, labels, registry=REGISTRY)
    if metric.kind == "gauge":
        return Gauge(name, metric.doc, labels, registry=REGISTRY)
    buckets = metric.buckets or Histogram.DEFAULT_BUCKETS
    return Histogram(name, metric.doc, labels, registry=REGISTRY, buckets=buckets)


def _families() -> list[Gauge]:
    """The gauges with labels that were set so far."""
    labelled = (name for name, metric in METRICS.items() if metric.kind == "gauge" and (metric.labels or _by_store[0]))
    return [cast("Gauge", _family(name)) for name in labelled]


def uncatalogued() -> set[str]:
    """Names that stand in only one of the two lists of the catalogue."""
    return set(METRICS) ^ set(get_args(MetricName))

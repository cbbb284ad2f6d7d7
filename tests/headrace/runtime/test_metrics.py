"""Metrics by name: what is said of a partition is taken back, and a histogram has its own buckets."""

from headrace.runtime.metrics import REGISTRY, forget, gauge, histogram


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_forget__partition__its_gauges_and_nobody_elses() -> None:
    for partition in ("90", "91"):
        gauge("headrace_evaluator_lag_records", partition=partition).set(7)
        gauge("headrace_evaluator_state_keys", partition=partition).set(8)
    gauge("headrace_actions_waiting", kind="90").set(1)
    forget(partition="90")
    assert value("headrace_evaluator_lag_records", partition="90") is None
    assert value("headrace_evaluator_state_keys", partition="90") is None
    assert value("headrace_evaluator_lag_records", partition="91") == 7
    assert value("headrace_actions_waiting", kind="90") == 1
    gauge("headrace_evaluator_lag_records", partition="90").set(2)
    assert value("headrace_evaluator_lag_records", partition="90") == 2


def test_histogram__buckets_of_the_catalogue__are_used() -> None:
    histogram("headrace_evaluator_chunk_records").observe(2_000)
    assert value("headrace_evaluator_chunk_records_bucket", le="2000.0") is not None

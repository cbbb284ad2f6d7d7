"""What the engine tells of itself, seen where a scrape would see it."""

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.runtime.metrics import REGISTRY
from services.evaluator.engine.epoch import Batch, Live
from services.evaluator.engine.membership import Member
from services.evaluator.engine.meters import Meters, Standing, standing_of
from services.evaluator.engine.producer import Aborted, Written
from services.evaluator.engine.state import Partition, encode_record
from tests.services.evaluator.engine.counting import Counting


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_committed__batch__counted_and_the_offset_applied_last() -> None:
    meters = Meters()
    meters.assigned([70, 71])
    before = value("headrace_evaluator_epochs_total", result="committed"), value("headrace_evaluator_events_total")
    meters.committed(Batch(Member(1, "me"), {}, (), {70: 12, 71: 1}, records=5), Written(0.01))
    after = value("headrace_evaluator_epochs_total", result="committed"), value("headrace_evaluator_events_total")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 5)
    assert value("headrace_evaluator_applied_offset", partition="70") == 11
    meters.assigned([71])
    assert REGISTRY.get_sample_value("headrace_evaluator_applied_offset", {"partition": "70"}) is None
    assert REGISTRY.get_sample_value("headrace_evaluator_applied_offset", {"partition": "71"}) == 0


def test_aborted__fenced_or_not__refused_or_aborted() -> None:
    meters = Meters()
    names = ("refused", "aborted")
    before = [value("headrace_evaluator_epochs_total", result=name) for name in names]
    meters.aborted(Aborted("ILLEGAL_GENERATION", fenced=True))
    meters.aborted(Aborted("why", fenced=False))
    meters.aborted(Aborted("why", fenced=False))
    after = [value("headrace_evaluator_epochs_total", result=name) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 2]


def test_standing_of__customers_pages_and_marker__each_counted_for_itself() -> None:
    partition = Partition(3)
    record = encode_record(5, b"x")
    partition.update({b"s:1": record, b"s:2": record, b"s:1#order:7": record, PARTITION_WIDE_KEY: record})
    live = Live(partition, Counting("outputs").open(partition), committed=6)
    assert standing_of(live) == Standing(6, keys=2, pages=1)
    partition.update({b"s:1#order:7": record, b"s:1#order:8": record})
    assert standing_of(live).pages == 2
    partition.update({b"s:1#order:7": None})
    assert standing_of(live) == Standing(6, keys=2, pages=1)


def test_standing_of__restored__pages_counted_too() -> None:
    partition = Partition(3)
    for key in (b"s:1", b"s:1#order:7", b"s:1#order:8", b"s:1#order:7"):
        partition.restore(key, encode_record(5, b"x"))
    partition.restored()
    assert standing_of(Live(partition, Counting("outputs").open(partition))) == Standing(0, keys=1, pages=2)

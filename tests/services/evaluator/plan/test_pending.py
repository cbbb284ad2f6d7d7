"""A partition is settled before it is planned, unless nobody has anything pending."""

from datetime import timedelta

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.rules.model import Duration, RuleSet, Segment
from services.evaluator.engine.state import encode_record
from services.evaluator.marker import decode_marker
from services.evaluator.plan.pending import is_pending
from tests.headrace.segmentation.test_properties import LATCHED, leaf
from tests.services.evaluator.bench import Bench
from tests.services.evaluator.plan.test_partition import many_orders, put_in_force
from tests.services.evaluator.service import BEGIN, activation, clock, customer, order

SILENT = Segment(
    id="silent", who=leaf("customer.last_order_at", "older_than", Duration(count=30, unit="day")), group="Silver"
)
RULES: RuleSet = RuleSet(
    store=LATCHED.store, groups=LATCHED.groups, group_order=LATCHED.group_order, segments=(SILENT,)
)


def pending(bench: Bench) -> bool:
    return is_pending(bench.partition, decode_marker(bench.partition.marker))


def shop() -> Bench:
    bench = Bench()
    put_in_force(bench, RULES, 1)
    bench.feed(customer(1), order(1, 1, 500, brand="Pear"), customer(2))
    bench.sweep()
    return bench


def test_is_pending__everybody_has_seen_everything__is_not() -> None:
    bench = shop()
    many_orders(bench, 3)
    assert not pending(bench)
    assert not pending(Bench())


def test_is_pending__timer_that_is_due__is_until_it_was_fired() -> None:
    bench = shop()
    bench.feed(*clock(BEGIN + timedelta(days=300))[:1])
    assert pending(bench)
    bench.sweep()
    assert not pending(bench)


def test_is_pending__activation_that_somebody_has_not_seen__is_until_the_sweep() -> None:
    bench = shop()
    bench.rules(LATCHED, 2)
    bench.feed(*activation(LATCHED, 2)[:1])
    assert pending(bench)
    bench.sweep()
    assert not pending(bench)


def test_is_pending__record_of_another_schema_or_of_none__cannot_be_told() -> None:
    for body in (b"\xff", b"\x01" + bytes(40)):
        bench = shop()
        bench.partition.update({b"shop:9": encode_record(9, body)})
        assert pending(bench)
    assert PARTITION_WIDE_KEY in bench.partition.records

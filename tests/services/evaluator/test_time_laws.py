"""The law of laziness: whenever a customer is visited, it ends up as if every clock and activation had come at once.

The eager side is `oracle.py`; the lazy one is the evaluator's fold with any chunks, closes, slices and restarts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.contracts.events import (
    ATTRIBUTE_SET,
    CLOCK,
    CUSTOMER_DELETED,
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    RULESET_ACTIVATED,
    AttributeSet,
    Clock,
    CustomerDeleted,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    RulesetActivated,
    encode_event,
    revision,
)
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.rules.load import Source, load_texts, rule_set_hash
from headrace.rules.model import RuleSet
from headrace.segmentation.compiled import compile_rules
from services.evaluator.engine.state import encode_record
from tests.services.evaluator.bench import Bench
from tests.services.evaluator.oracle import Oracle
from tests.services.evaluator.service import BEGIN, Record

STORES: Final = ("north", "south")
HEAD: Final = """
store: {timezone: %s, currency: GBP}
groups: [{name: New}, {name: Gold}, {name: Silver}]
group_order: [New, Gold, Silver]
"""
BODIES: Final = (
    """
segments:
  - {id: new, who: {customer.created_at: {within_last: 30 days}}, group: New}
  - {id: lapsed, who: {customer.last_order_at: {older_than: 90 days}}, tags: {mailchimp: Lapsed}}
  - {id: hot, who: {customer.first_order_at: {within_last: 36 hours}}, attributes: {mood: hot}}
  - {id: warm, who: {customer.attributes.mood: hot}, tags: {mailchimp: Warm}}
rules:
  - id: returning
    when: order.placed
    if: {customer.first_order_at: {older_than: 5 days}}
    then: [{assign_group: Silver}]
    past: apply
""",
    """
segments:
  - id: lapsed
    who: {all: [{customer.last_order_at: {older_than: 60 days}}, {customer.spend: {above: 10}}]}
    tags: {mailchimp: Lapsed}
    group: Gold
  - id: between
    who: {all: [{customer.last_order_at: {older_than: 10 days}}, {customer.last_order_at: {within_last: 20 days}}]}
    attributes: {mood: tepid}
  - id: same-moment
    who: {any: [{customer.last_order_at: {older_than: 60 days}}, {customer.created_at: {older_than: 60 days}}]}
    attributes: {age: old}
""",
    """
segments: [{id: lapsed, who: {customer.orders: {above: 3}}, tags: {mailchimp: Lapsed}}]
ladders: [{id: loyalty, by: customer.spend, rungs: [{group: Silver}, {group: Gold, from: 20}]}]
""",
    """
segments:
  - {id: awake, who: {not: {customer.last_order_at: {older_than: 3 hours}}}, attributes: {mood: awake}}
  - {id: cold, renamed_from: lapsed, who: {customer.last_order_at: {older_than: 1 day}}, tags: {mailchimp: Cold}}
""",
)


def rule_set(body: int, zone: str = "Europe/London") -> RuleSet:
    result = load_texts([Source("rules.yaml", HEAD % zone + BODIES[body])])
    assert result.rule_set is not None, result.findings
    return result.rule_set


RULE_SETS: Final = {
    (store, body): rule_set(body, zone)
    for store, zone in (("north", "Europe/London"), ("south", "America/New_York"))
    for body in range(len(BODIES))
}
COMPILED: Final = {place: compile_rules(found) for place, found in RULE_SETS.items()}


@dataclass
class Log:
    """One partition's log as it grows, and what the stores' clocks show."""

    records: list[Record] = field(default_factory=list)
    rule_sets: dict[tuple[str, int], RuleSet] = field(default_factory=dict)
    bodies: dict[tuple[str, int], int] = field(default_factory=dict)
    nows: dict[str, datetime] = field(default_factory=lambda: dict.fromkeys(STORES, BEGIN))

    def add(self, store: str, subject: str, data: Any, kind: str) -> None:
        number = len(self.records)
        at = self.nows[store] + timedelta(microseconds=number)
        value = encode_event(
            data,
            type=kind,
            id=f"{kind}:{number}",
            store=store,
            subject=subject,
            time=at,
            origin="live",
            revision=revision(BEGIN + timedelta(seconds=number), BEGIN),
        )
        self.records.append((0, subject.encode(), value))

    def clock(self, store: str, later: timedelta) -> None:
        self.nows[store] += later
        self.add(store, "~", Clock(store=store, now=self.nows[store]), CLOCK)

    def activate(self, store: str, body: int) -> None:
        version = 1 + sum(of_store == store for of_store, _ in self.rule_sets)
        found = self.rule_sets[(store, version)] = RULE_SETS[(store, body)]
        self.bodies[(store, version)] = body
        marker = RulesetActivated(store=store, version=version, hash=rule_set_hash(found), activation=f"a{version}")
        self.add(store, "~", marker, RULESET_ACTIVATED)

    def customer(self, store: str, number: int, *, ago: timedelta, group: str = "") -> None:
        snapshot = CustomerSnapshot(
            customer_id=str(number), created_at=self.nows[store] - ago, modified_at=self.nows[store], group=group
        )
        self.add(store, f"{store}:{number}", snapshot, CUSTOMER_SNAPSHOT)

    def order(
        self,
        store: str,
        number: int,
        order_id: int,
        *,
        ago: timedelta = timedelta(0),
        status: OrderStatus = "shipped",
        name: str = "Mug",
    ) -> None:
        total = 500 + 100 * order_id
        line = OrderLine(id="1", product_id="7", quantity=1, price=total, total=total, name=name)
        snapshot = OrderSnapshot(
            order_id=str(order_id),
            status=status,
            created_at=self.nows[store] - ago,
            modified_at=self.nows[store],
            currency="GBP",
            total=total,
            subtotal=total,
            total_excluding_tax=total,
            lines=(line,),
        )
        self.add(store, f"{store}:{number}", snapshot, ORDER_SNAPSHOT)

    def delete(self, store: str, number: int) -> None:
        self.add(store, f"{store}:{number}", CustomerDeleted(customer_id=str(number)), CUSTOMER_DELETED)

    def set_attribute(self, store: str, number: int, value: str) -> None:
        self.add(store, f"{store}:{number}", AttributeSet(name="mood", values=(value,)), ATTRIBUTE_SET)


Then = Literal["on", "slice", "sweep", "restart"]
Plan = Iterable[tuple[int, Then]]
"""So many records in one epoch, and what comes after it."""


def lazily(log: Log, plan: Plan) -> Bench:
    bench = Bench()
    for (store, version), found in log.rule_sets.items():
        bench.rules(found, version, store)
    at = 0
    for size, then in [*plan, (len(log.records), "on")]:
        if at < len(log.records):
            bench.feed(*log.records[at : at + size])
            at += size
        if then == "restart":
            bench.open()
        elif then == "slice":
            bench.fold.sweep(1)
            bench.close()
        elif then == "sweep":
            bench.sweep()
    bench.sweep()
    return bench


def eagerly(log: Log) -> Oracle:
    oracle = Oracle({place: COMPILED[(place[0], body)] for place, body in log.bodies.items()})
    for offset, (_, key, value) in enumerate(log.records):
        oracle.apply(offset, key, value)
    return oracle


def assert_same(bench: Bench, oracle: Oracle) -> None:
    lazy = {key: value for key, value in bench.partition.records.items() if key != PARTITION_WIDE_KEY}
    assert lazy == {key: encode_record(*stored) for key, stored in oracle.records().items()}
    told: dict[bytes, list[Any]] = {}
    for output in bench.written:
        told.setdefault(output.key or b"", []).append(output)
    assert told == oracle.outputs(partition=0, prefix="t.")


SPANS = st.sampled_from([timedelta(hours=1), timedelta(days=1), timedelta(days=9), timedelta(days=91)])
AGO = st.sampled_from([-timedelta(hours=1), timedelta(0), timedelta(days=2), timedelta(days=59), timedelta(days=100)])
STORE_NAMES, CUSTOMERS, ORDERS = st.sampled_from(STORES), st.integers(1, 3), st.integers(1, 4)
STATUSES: st.SearchStrategy[OrderStatus] = st.sampled_from(["shipped", "shipped", "cancelled", "pending"])
CALLS = st.one_of(
    st.tuples(st.just("clock"), STORE_NAMES, SPANS),
    st.tuples(st.just("clock"), STORE_NAMES, SPANS),
    st.tuples(st.just("activate"), STORE_NAMES, st.integers(0, len(BODIES) - 1)),
    st.tuples(st.just("customer"), STORE_NAMES, CUSTOMERS, AGO, st.sampled_from(["", "Gold", "Other"])),
    st.tuples(st.just("order"), STORE_NAMES, CUSTOMERS, ORDERS, AGO, STATUSES, st.sampled_from(["Mug", "x" * 3_000])),
    st.tuples(st.just("order"), STORE_NAMES, CUSTOMERS, ORDERS, AGO, STATUSES, st.just("Mug")),
    st.tuples(st.just("set_attribute"), STORE_NAMES, CUSTOMERS, st.sampled_from(["hot", "calm"])),
    st.tuples(st.just("delete"), STORE_NAMES, st.just(3)),
)
PLANS = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from(["on", "slice", "slice", "sweep", "restart"])), max_size=30
)


def settled() -> Log:
    """A log that has begun: rules that look at time are in force, customers with orders are there."""
    log = Log()
    for store in STORES:
        log.activate(store, 0)
        for number in (1, 2):
            log.customer(store, number, ago=timedelta(days=number))
            log.order(store, number, number)
        log.clock(store, timedelta(hours=1))
    return log


@st.composite
def logs(draw: st.DrawFn) -> Log:
    log = draw(st.builds(Log) | st.builds(settled))
    for name, store, *rest in draw(st.lists(CALLS, min_size=10, max_size=50)):
        match name:
            case "clock":
                log.clock(store, rest[0])
            case "activate":
                log.activate(store, rest[0])
            case "customer":
                log.customer(store, rest[0], ago=rest[1], group=rest[2])
            case "order":
                log.order(store, rest[0], rest[1], ago=rest[2], status=rest[3], name=rest[4])
            case "set_attribute":
                log.set_attribute(store, rest[0], rest[1])
            case _:
                log.delete(store, rest[0])
    return log


@settings(max_examples=200, suppress_health_check=[HealthCheck.data_too_large])
@given(logs(), PLANS)
def test_fold__any_log_and_any_visits__byte_for_byte_the_eager_one(log: Log, plan: Plan) -> None:
    assert_same(lazily(log, plan), eagerly(log))


DAY: Final = timedelta(days=1)
PLANS_OF_EDGES: Final[dict[str, Plan]] = {
    "nobody is visited before the end": (),
    "everybody at once": [(1, "sweep")] * 40,
    "slices": [(1, "slice")] * 40,
    "restarts": [(1, "restart")] * 40,
    "visited, then restarted": [(1, "sweep"), (1, "restart")] * 20,
}
every_plan = pytest.mark.parametrize("plan", PLANS_OF_EDGES.values(), ids=PLANS_OF_EDGES)


def told(bench: Bench, topic: str) -> list[tuple[Any, list[int], str]]:
    """What one kind of sink was told: the value, the version, and the cause."""
    return [
        (said.get("value", said.get("present")), said["version"], said["cause"]["event"])
        for name, said in bench.outputs
        if name == f"t.actions.{topic}"
    ]


def outcome(log: Log, plan: Plan) -> Bench:
    bench = lazily(log, plan)
    assert_same(bench, eagerly(log))
    return bench


@every_plan
def test_time__clock_jumps_91_days__each_timer_as_of_its_own_moment(plan: Plan) -> None:
    """The order of 5 January is older than 90 days when 6 April begins in London, an hour before it does in UTC."""
    log = settled()
    log.clock("north", 91 * DAY)
    bench = outcome(log, plan)
    assert [said for said in told(bench, "email-tags") if said[0] == {"mailchimp": ["Lapsed"]}] == [
        ({"mailchimp": ["Lapsed"]}, [1, 2, 5], "time:2026-04-05T23:00:00.000000Z"),
        ({"mailchimp": ["Lapsed"]}, [1, 4, 5], "time:2026-04-05T23:00:00.000000Z"),
    ]
    assert {value for value, _, _ in told(bench, "group")} == {"New", ""}


@every_plan
def test_time__no_clock_comes__nobody_is_removed(plan: Plan) -> None:
    log = settled()
    log.records = [record for record in log.records if record[1] != PARTITION_WIDE_KEY or b"activation" in record[2]]
    log.customer("north", 1, ago=1000 * DAY)
    bench = outcome(log, plan)
    assert not any(cause.startswith("time:") for topic in ("group", "email-tags") for _, _, cause in told(bench, topic))
    assert [value for value, _, _ in told(bench, "group")] == ["New"] * 4


@every_plan
def test_time__activation_between_due_time_and_visit__timer_first_and_under_its_own_rules(plan: Plan) -> None:
    """What was hot until the second day was so under the first rules, whenever somebody looks."""
    log = settled()
    log.clock("north", 2 * DAY)
    log.activate("north", 2)
    log.clock("north", DAY)
    bench = outcome(log, plan)
    causes = [cause for value, _, cause in told(bench, "attributes") if value == {}]
    assert causes == ["time:2026-01-06T21:00:00.000000Z"] * 2


@every_plan
def test_time__rules_change__timers_are_dropped_or_moved(plan: Plan) -> None:
    """Without the segment nobody lapses; with another span at another moment."""
    log = settled()
    log.activate("north", 2)
    log.activate("south", 3)
    for store in STORES:
        log.clock(store, 91 * DAY)
    bench = outcome(log, plan)
    tags = [(value, cause) for value, _, cause in told(bench, "email-tags") if cause.startswith("time:")]
    assert tags == [({"mailchimp": ["Cold"]}, "time:2026-01-07T05:00:00.000000Z")] * 2


@every_plan
def test_time__equal_due_times__one_moment(plan: Plan) -> None:
    """`age` and `lapsed` of the second body change when the same midnight comes; the group is told once."""
    log = settled()
    log.customer("north", 9, ago=timedelta(0))
    log.order("north", 9, 9)
    log.activate("north", 1)
    log.clock("north", 61 * DAY)
    bench = outcome(log, plan)
    mine = [said for name, said in bench.outputs if said.get("customer") == "north:9" and name != "t.actions.contact"]
    moments = [said["cause"]["event"] for said in mine if said["cause"]["event"].startswith("time:")]
    assert moments.count("time:2026-03-07T00:00:00.000000Z") == 3, "group, attributes, tags: each once"


@every_plan
def test_time__timer_that_sets_another_one_due_at_once__both_fire_in_their_order(plan: Plan) -> None:
    """`between` begins on the 11th day and ends on the 21st; the clock comes on the 60th."""
    log = settled()
    log.activate("north", 1)
    log.clock("north", 40 * DAY)
    bench = outcome(log, plan)
    moods = [(value.get("mood"), cause) for value, _, cause in told(bench, "attributes") if cause.startswith("time:")]
    assert (
        moods
        == [
            (["tepid"], "time:2026-01-16T00:00:00.000000Z"),
            (None, "time:2026-01-26T00:00:00.000000Z"),
        ]
        * 2
    )


@every_plan
def test_time__order_before_the_timer_is_due__moved_on(plan: Plan) -> None:
    log = settled()
    for number in range(10, 14):
        log.clock("north", 80 * DAY)
        log.order("north", 1, number)
    bench = outcome(log, plan)
    lapsed = [said for name, said in bench.outputs if name == "t.actions.email-tags" and "Lapsed" in str(said)]
    assert {said["customer"] for said in lapsed} == {"north:2"}


@every_plan
def test_time__last_order_cancelled__the_one_before_counts(plan: Plan) -> None:
    log = settled()
    log.clock("north", 80 * DAY)
    log.order("north", 1, 50)
    log.clock("north", 80 * DAY)
    log.order("north", 1, 50, ago=80 * DAY, status="cancelled")
    bench = outcome(log, plan)
    [mine] = [
        said
        for name, said in bench.outputs
        if name == "t.actions.email-tags" and said["customer"] == "north:1" and "Lapsed" in str(said["present"])
    ]
    assert mine["cause"]["event"].startswith("order.snapshot")


@every_plan
def test_time__clock_in_small_steps__as_in_one(plan: Plan) -> None:
    """Whoever was looked at is looked at again when the next timer is due, with no event between."""
    small, large = settled(), settled()
    for _ in range(20):
        small.clock("north", 5 * DAY)
    large.clock("north", 100 * DAY)
    assert sorted(map(str, outcome(small, plan).written)) == sorted(map(str, outcome(large, ()).written))


@every_plan
def test_time__older_than_the_epoch_of_computers__changes_at_the_first_clock(plan: Plan) -> None:
    """The order's timer is due at 1970-01-01T00:00, of which the number of microseconds is 0."""
    log = Log()
    log.activate("south", 0)
    log.customer("south", 1, ago=BEGIN - datetime.fromisoformat("0001-06-01T00:00Z"))
    log.order("south", 2, 2, ago=BEGIN - datetime.fromisoformat("1969-12-30T12:00Z"))
    log.clock("south", DAY)
    bench = outcome(log, plan)
    assert [value for value, _, _ in told(bench, "group")] == ["New", ""]
    assert [cause for _, _, cause in told(bench, "attributes")][1:] == ["time:1970-01-01T00:00:00.000000Z"]

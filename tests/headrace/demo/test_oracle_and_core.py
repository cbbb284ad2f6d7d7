"""The two computations of the demo agree on the shipped shop: the pure core over its events, and the plain sums."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from headrace.contracts.actions import Desired, DesiredAttributes, DesiredEmailTags, DesiredGroup
from headrace.contracts.events import (
    CUSTOMER_SNAPSHOT,
    ORDER_SNAPSHOT,
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    RefundLine,
    decode_event,
    encode_event,
    revision,
)
from headrace.contracts.events import Refund as WireRefund
from headrace.demo.catalogue import brand, category
from headrace.demo.log_fold import LogFold, fold_log
from headrace.demo.oracle import AtKlaviyo, at_klaviyo, expect, mirror
from headrace.demo.people import Person
from headrace.demo.scenario import Scenario, load_scenario
from headrace.demo.shop import Order, Refund
from headrace.rules.load import load_rule_set
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from tests.services.evaluator.oracle import Held

ROOT = Path(__file__).parents[3]
EXTRACT = ROOT / "examples" / "online_retail" / "online_retail.parquet"
STORE = "s"


@dataclass
class Log:
    """Writes the events a perfect ingest would, in order."""

    scenario: Scenario
    orders: dict[int, Order] = field(default_factory=dict)
    refunds: dict[int, list[WireRefund]] = field(default_factory=dict)
    known: set[int] = field(default_factory=set)
    writes: int = 0

    def records(self) -> Iterator[bytes]:
        for event in self.scenario.shop.events:
            if isinstance(event, Refund):
                yield self._refunded(event)
                continue
            self.orders[event.id] = event
            if event.customer and event.customer not in self.known:
                self.known.add(event.customer)
                yield self._customer(self.scenario.customers[event.customer], event)
            yield self._order(event, "awaiting_fulfillment", event)

    def _write(self, data: CustomerSnapshot | OrderSnapshot, type: str, subject: str, at: Order | Refund) -> bytes:
        self.writes += 1
        stamp = revision(at.at, at.at + timedelta(milliseconds=self.writes))
        return encode_event(
            data, type=type, id=f"{type}:{self.writes}", store=STORE, subject=subject, time=at.at,
            origin="live", revision=stamp,
        )  # fmt: skip

    def _customer(self, person: Person, order: Order) -> bytes:
        country = person.country
        addresses = (Address(country_code=country.code, country=country.name, city=person.city),) if country else ()
        snapshot = CustomerSnapshot(
            customer_id=str(person.customer), created_at=order.at, modified_at=order.at, company=person.company,
            email_domain=person.email_domain, subscribed=person.subscribed, addresses=addresses,
            personal=CustomerPersonal(email=person.email),
        )  # fmt: skip
        return self._write(snapshot, CUSTOMER_SNAPSHOT, f"{STORE}:{person.customer}", order)

    def _refunded(self, refund: Refund) -> bytes:
        order = self.orders[refund.order_id]
        lines = tuple(
            RefundLine(line_id=str(item.line), quantity=item.quantity, amount=item.amount_minor)
            for item in refund.items
        )
        done = self.refunds.setdefault(order.id, [])
        done.append(
            WireRefund(id=f"{order.id}-{len(done)}", created_at=refund.at, amount=refund.amount_minor, lines=lines)
        )
        return self._order(order, "refunded" if refund.whole else "partially_refunded", refund)

    def _order(self, order: Order, status: OrderStatus, at: Order | Refund) -> bytes:
        lines = tuple(
            OrderLine(
                id=str(index),
                product_id=line.sku,
                quantity=line.quantity,
                price=line.price_minor,
                total=line.quantity * line.price_minor,
                sku=line.sku,
                brand=brand(line.sku),
                categories=(category(line.sku),),
            )
            for index, line in enumerate(order.lines)
        )
        total = order.total_minor
        snapshot = OrderSnapshot(
            order_id=str(order.id), status=status, created_at=order.at, modified_at=at.at, currency="GBP",
            total=total, subtotal=total, total_excluding_tax=total, lines=lines,
            refunds=tuple(self.refunds.get(order.id, ())),
        )  # fmt: skip
        subject = f"{STORE}:{order.customer or f'guest-{order.id}'}"
        return self._write(snapshot, ORDER_SNAPSHOT, subject, at)


def core_ends(records: list[bytes], now: datetime) -> dict[str, Held]:
    """Everybody, once the store's time has passed on to `now`."""
    loaded = load_rule_set([ROOT / "examples" / "rules" / "demo"])
    assert loaded.rule_set is not None, loaded.findings
    rules = compile_rules(loaded.rule_set)
    held: dict[str, Held] = {}
    for offset, (record, clock) in enumerate(zip(records, clocks_of(records), strict=True)):
        event = decode_event(record)
        subject, context = event.envelope.subject, Context(1, offset, clock, 1)
        customer = held.setdefault(subject, Held(State(key=subject), -1))
        customer.keep(wake(customer.state, rules, Context(1, customer.mark, clock, 1)), customer.mark)
        customer.keep(decide(customer.state, event, rules, context, pages=customer), offset)
    for customer in held.values():
        customer.keep(wake(customer.state, rules, Context(1, customer.mark, now, 1)), customer.mark)
    return held


def last_of(held: Held | None) -> dict[type[Desired], Desired]:
    """The last desired state of each kind."""
    return {} if held is None else {type(action): action for action in held.actions}


def clocks_of(records: list[bytes]) -> list[datetime]:
    """Where the store's clock stands at each record: it is written just before."""
    return list(itertools.accumulate((decode_event(record).envelope.time for record in records), max))


def group_of(end: dict[type[Desired], Desired]) -> str | None:
    action = end.get(DesiredGroup)
    return action.value if isinstance(action, DesiredGroup) else ""


def mirror_of(end: dict[type[Desired], Desired]) -> str:
    action = end.get(DesiredAttributes)
    if not isinstance(action, DesiredAttributes):
        return ""
    return mirror([f"{name}={value}" for name, values in action.present.items() for value in values])


def tags_of(end: dict[type[Desired], Desired]) -> set[str]:
    action = end.get(DesiredEmailTags)
    if not isinstance(action, DesiredEmailTags):
        return set()
    tags = set(action.present.get("mailchimp", ()))
    klaviyo = AtKlaviyo(frozenset(action.present.get("klaviyo", ())), frozenset(action.lists.get("klaviyo", ())))
    assert klaviyo == at_klaviyo(frozenset(tags))
    return tags


@pytest.mark.parametrize("seed", [1, 2])
def test_expect__shipped_shop__is_what_the_core_decides(seed: int) -> None:
    scenario = load_scenario(EXTRACT, seed=seed, orders=1500)
    records = list(Log(scenario).records())
    for days in (20, 50, 80):
        climbers = assert_agree(scenario, records, days=days).rhythm.values()
        assert len({climber.rung for climber in climbers}) > 1
        assert any(climber.below_since for climber in climbers)


def assert_agree(scenario: Scenario, records: list[bytes], *, days: int) -> LogFold:
    """So many days after the last order."""
    decoded = map(msgspec.json.decode, records)
    log = fold_log({**event, "clock": clock} for event, clock in zip(decoded, clocks_of(records), strict=True))
    now = scenario.shop.events[-1].at + timedelta(days=days)
    expected = expect(scenario, log, store=STORE, now=now)
    tags = {tag for end in expected.customers.values() for tag in end.tags}
    assert "Active" in tags
    assert ("Win back" in tags) is (days > 70)
    ends = core_ends(records, now)
    different = {
        number: (end, group_of(core), mirror_of(core), tags_of(core))
        for number, end in expected.customers.items()
        for core in [last_of(ends.get(f"{STORE}:{number}"))]
        if (end.group, end.attributes, set(end.tags)) != (group_of(core), mirror_of(core), tags_of(core))
    }
    assert different == {}
    for order_id, person in scenario.guests.items():
        assert tags_of(last_of(ends.get(f"{STORE}:guest-{order_id}"))) == expected.guests[person.email]
    assert {end.group for end in expected.customers.values()} == {
        "Wholesale", "Platinum", "Gold", "Bulk buyers", "Bijou", "Silver",
    }  # fmt: skip
    mails = {subject: {(each.kind, each.id) for each in customer.effects} for subject, customer in ends.items()}
    assert {subject: len(each) for subject, each in mails.items() if each} == {
        subject: 1 for subject, spender in log.spenders.items() if spender.thanked
    }
    assert len({subject for subject, each in mails.items() if each}) >= 3
    return log

"""A store for a plan to look at: twenty rules in force, and customers with a few orders each, settled under them.

The same customers every time. States are made by the core; their keys are all that differs between copies.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec.structs import replace

from headrace.contracts.events import (
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    OrderLine,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.contracts.topics import DEFAULT_PARTITIONS, partition_of
from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet
from headrace.segmentation.codec import encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.state import State

STORE: Final = "bench"
MODELS: Final = 500
"""Different customers; the others are their copies."""
BEGIN: Final = datetime(2026, 1, 1, tzinfo=UTC)
NOW: Final = BEGIN + timedelta(days=120)
_LINES: Final = 4
_ENTRIES: Final = 20

RULES: Final = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Trade}, {name: Platinum}, {name: Gold}, {name: Harbour}, {name: Silver}]
group_order: [Trade, Platinum, Gold, Harbour, Silver]
ladders:
  - id: loyalty
    by: customer.spend
    rungs: [{group: Silver}, {group: Gold, from: 500}, {group: Platinum, above: 2000}]
segments:
  - {id: trade, who: {customer.email_domain: {in: [acme.example, trade.example]}}, group: Trade}
  - {id: vip, who: {customer.spend: {above: 1500}}, attributes: {tier: VIP}, tags: [{mailchimp: VIP}]}
  - {id: frequent, who: {customer.orders: {above: 5}}, attributes: {frequent: "yes"}}
  - {id: bulk, who: {customer.items: {above: 100}}, attributes: {volume: high}}
  - {id: large, who: {customer.largest_order: {from: 300}}, attributes: {basket: large}}
  - {id: careful, who: {customer.average_order: {below: 50}}, attributes: {basket: small}}
  - {id: french, who: {customer.addresses: {any: {country: FR}}}, tags: [{mailchimp: France}]}
  - {id: abroad, who: {customer.addresses: {none: {country: GB}}}, attributes: {origin: abroad}}
  - {id: reader, who: {customer.subscribed: true}, tags: [{mailchimp: Reader}]}
  - {id: company, who: {customer.company: {is_set: true}}, attributes: {kind: business}}
  - {id: lamps, who: {customer.purchased: {any: {category: Lamps}}}, attributes: {likes: lamps}}
  - {id: new, who: {customer.first_order_at: {within_last: 30 days}}, attributes: {age: new}}
  - {id: silent, who: {customer.last_order_at: {older_than: 60 days}}, tags: [{mailchimp: Win back}]}
  - {id: refunded, who: {customer.refunds: {above: 0}}, attributes: {refunds: "yes"}}
  - id: best
    who: {all: [{customer.attributes.tier: VIP}, {customer.subscribed: true}, {not: {customer.orders: {below: 3}}}]}
    tags: [{mailchimp: Best}]
rules:
  - id: harbour
    when: order.placed
    if: {order.lines: {any: {brand: Harbour}}}
    then: [{assign_group: Harbour}]
    past: apply
  - {id: big-order, when: order.placed, if: {order.value: {above: 400}}, then: [{add_attribute: {orders: big}}]}
  - {id: refunds, when: order.refunded, then: [{add_attribute: {orders: refunded}}]}
  - {id: many, when: order.placed, if: {order.items: {above: 50}}, then: [{tag: {mailchimp: Many}}]}
"""
CHANGES: Final = {
    "one segment edited": ("{customer.orders: {above: 5}}", "{customer.orders: {above: 4}}"),
    "ladder edited": ("from: 500}", "from: 400}"),
    "spend declared anew": ("groups: [", "spend: {refunds: ignore}\ngroups: ["),
    "order of groups": ("[Trade, Platinum, Gold, Harbour, Silver]", "[Platinum, Trade, Gold, Harbour, Silver]"),
}
"""What is planned: each is the rules in force with one thing said otherwise; the last has everybody settled anew."""


def rules(change: tuple[str, str] | None = None) -> RuleSet:
    """The rules in force, or with one thing changed."""
    text = RULES if change is None else RULES.replace(*change)
    assert change is None or text != RULES
    loaded = load_texts([Source("rules.yaml", text)])
    assert loaded.rule_set is not None, loaded.findings
    found = loaded.rule_set
    assert len(found.ladders) + len(found.segments) + len(found.rules) == _ENTRIES
    return found


def records(customers: int, *, settled: bool = True) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and encoded state of each customer; not `settled`: as it is before there are any rules."""
    models = [_customer(number, _COMPILED if settled else None) for number in range(min(customers, MODELS))]
    for number in range(customers):
        key = f"{STORE}:{number}"
        body = encode_state(replace(models[number % len(models)], key=key))
        yield partition_of(key.encode(), DEFAULT_PARTITIONS), key.encode(), body


def _customer(seed: int, compiled: CompiledRules | None) -> State:
    """With 1 to 12 orders, settled under these rules."""
    chance = random.Random(seed)
    events: list[tuple[CustomerSnapshot | OrderSnapshot, str]] = [(_snapshot(chance), "customer.snapshot")]
    events += [(_order(chance, number), "order.snapshot") for number in range(chance.randrange(1, 13))]
    state: State | None = None
    for number, (data, kind) in enumerate(events):
        at = data.modified_at
        value = encode_event(
            data,
            type=kind,
            id=f"{kind}:{number}",
            store=STORE,
            subject=f"{STORE}:{seed}",
            time=at,
            origin="live",
            revision=f"r{number:03d}",
        )
        state = decide(
            state, decode_event(value), compiled, Context(1, number, NOW, 0 if compiled is None else 1)
        ).state
    assert state is not None
    return state


def _snapshot(chance: random.Random) -> CustomerSnapshot:
    country = chance.choice(["GB", "GB", "GB", "FR", "DE"])
    return CustomerSnapshot(
        customer_id="1",
        created_at=BEGIN,
        modified_at=BEGIN,
        email_domain=chance.choice(["post.example", "acme.example", "mail.example"]),
        company=chance.choice(["", "", "Acme"]),
        subscribed=chance.choice([True, False, None]),
        addresses=(Address(country_code=country, country=country, city="Town", postcode="1000"),),
        personal=CustomerPersonal(email="someone@post.example", first_name="Ann", last_name="Other"),
    )


def _order(chance: random.Random, number: int) -> OrderSnapshot:
    at = BEGIN + timedelta(days=chance.randrange(120), minutes=number)
    lines = tuple(
        OrderLine(
            id=f"{number}-{line}",
            product_id=str(chance.randrange(500)),
            quantity=chance.randrange(1, 20),
            price=chance.randrange(100, 3000),
            total=chance.randrange(500, 9000),
            name="WHITE HANGING HEART T-LIGHT HOLDER",
            sku=f"85{line:03d}A",
            brand=chance.choice(["Harbour", "Pier", "Quay"]),
            categories=(chance.choice(["Lamps", "Decoration", "Kitchen"]),),
        )
        for line in range(_LINES)
    )
    total = sum(line.total for line in lines)
    return OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=at,
        modified_at=at,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=lines,
    )


_COMPILED: Final = compile_rules(rules())

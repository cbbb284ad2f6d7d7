"""Laws of what is known: any order and repetition of snapshots gives the same facts and the same memberships."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.contracts.events import (
    CartEvent,
    CustomerPersonal,
    CustomerSnapshot,
    CustomEvent,
    Event,
    EventData,
    OrderLine,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.rules.load import Source, load_texts
from headrace.segmentation.codec import decode_entry, decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.ledger import order_value
from headrace.segmentation.state import State

START = datetime(2026, 1, 1, tzinfo=UTC)
SOME = settings(max_examples=60)
RULES = """
store: {timezone: Europe/London, currency: GBP}
spend: {shipping: exclude, store_credit: exclude}
channels: {online: [1, 3], in_store: 2}
aliases: {Acme: [Acme Intl]}
segments:
  - {id: acme, who: {customer.company: Acme}, attributes: {a: acme}}
  - {id: women, who: {customer.gender: female}, attributes: {a: women}}
  - {id: rich, who: {customer.income: {from: 50000}}, attributes: {a: rich}}
  - {id: credit, who: {customer.store_credit: {above: 5}}, attributes: {a: credit}}
  - {id: sms, who: {customer.consent.sms: true}, attributes: {a: sms}}
  - {id: online, who: {customer.channel_share.online: {above: 50}}, attributes: {a: online}}
  - {id: everywhere, who: {customer.channels: {has_all: [online, in_store]}}, attributes: {a: everywhere}}
  - {id: spender, who: {customer.spend: {above: 15}}, attributes: {a: spender}}
  - {id: late, who: {customer.purchased: {any: {brand: Late}}}, attributes: {a: late}}
rules:
  - {id: reached, when: {order.reached: shipped}, then: [{add_attribute: {r: reached}}, {webhook: {url: "https://a.example"}}]}
  - {id: paid, when: order.paid, then: [{webhook: {url: "https://a.example"}}]}
  - {id: back-ordered, when: order.backordered, then: [{webhook: {url: "https://a.example"}}]}
  - {id: cart, when: cart.abandoned, then: [{webhook: {url: "https://a.example"}}]}
  - {id: visit, when: custom.visit, then: [{webhook: {url: "https://a.example"}}]}
"""


def _compiled() -> CompiledRules:
    loaded = load_texts([Source("rules.yaml", RULES)])
    assert loaded.rule_set is not None, loaded.findings
    return compile_rules(loaded.rule_set)


COMPILED = _compiled()


def event(data: EventData, kind: str, number: int) -> Event:
    snapshot = isinstance(data, OrderSnapshot | CustomerSnapshot)
    return decode_event(
        encode_event(
            data,
            type=kind,
            id=f"{kind}:{number}",
            store="shop",
            subject="shop:7",
            time=START + timedelta(hours=number),
            origin="live",
            revision=f"r{number:05d}" if snapshot else None,
        )
    )


@st.composite
def customers(draw: st.DrawFn) -> CustomerSnapshot:
    return CustomerSnapshot(
        customer_id="7",
        created_at=START,
        modified_at=START,
        company=draw(st.sampled_from(["", "ACME Ltd", "Acme Intl", "Other"])),
        store_credit=draw(st.sampled_from([None, 0, 500, 501])),
        consents=draw(st.dictionaries(st.sampled_from(["sms", "post"]), st.booleans())),
        personal=CustomerPersonal(
            birthday=draw(st.sampled_from([None, "1990-05-17"])),
            form=draw(
                st.dictionaries(st.sampled_from(["gender", "income"]), st.sampled_from(["Female", "50,000", "x", " "]))
            ),
        ),
    )


@st.composite
def orders(draw: st.DrawFn) -> OrderSnapshot:
    total = draw(st.integers(0, 3000))
    late = draw(st.integers(0, 2))
    return OrderSnapshot(
        order_id=draw(st.sampled_from("123")),
        status=draw(st.sampled_from(["pending", "shipped", "completed", "cancelled", "incomplete"])),
        created_at=START,
        modified_at=START,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=(
            OrderLine(
                id="a", product_id="p", quantity=2, price=1, total=2, brand="Late" if late else "", backordered=late
            ),
        ),
        shipping=draw(st.integers(0, 1000)),
        store_credit=draw(st.integers(0, 1000)),
        channel_id=draw(st.sampled_from([None, 1, 2, 3, 9])),
    )


happenings = st.sampled_from(
    [
        (CartEvent(cart_id="c", currency="GBP", total=1), "cart.abandoned"),
        (CustomEvent(payload={"page": "home"}), "custom.visit"),
    ]
)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """What happened, and how it was delivered: everything at least once, in any order."""
    steps: list[tuple[EventData, str]] = draw(
        st.lists(
            st.one_of(
                st.tuples(customers(), st.just("customer.snapshot")),
                st.tuples(orders(), st.just("order.snapshot")),
                happenings,
            ),
            min_size=1,
            max_size=9,
        )
    )
    history = [event(data, kind, number) for number, (data, kind) in enumerate(steps)]
    return history, draw(st.permutations([*history, *draw(st.lists(st.sampled_from(history), max_size=4))]))


def fold(events: Sequence[Event]) -> tuple[State, list[str]]:
    """The state at the end, gone through bytes each time, and the ids of the effects."""
    state, effects = None, list[str]()
    for offset, one in enumerate(events):
        decision = decide(state, one, COMPILED, Context(1, offset, START + timedelta(days=2), 1))
        state = decode_state(encode_state(decision.state))
        effects += [effect.id for effect in decision.effects]
    assert state is not None
    return state, effects


@SOME
@given(deliveries())
def test_decide__any_order_and_repetition__same_facts_and_memberships(case: tuple[list[Event], list[Event]]) -> None:
    (expected, _), (found, _) = fold(case[0]), fold(case[1])
    assert found.profile == expected.profile
    assert found.totals == expected.totals
    assert found.windows == expected.windows
    assert found.purchased == expected.purchased
    assert found.standing.segments == expected.standing.segments


@SOME
@given(deliveries())
def test_decide__any_order_and_repetition__no_effect_twice(case: tuple[list[Event], list[Event]]) -> None:
    _, effects = fold(case[1])
    assert len(set(effects)) == len(effects)


@SOME
@given(deliveries())
def test_decide__spend__is_what_was_paid_for_goods_with_money(case: tuple[list[Event], list[Event]]) -> None:
    state, _ = fold(case[1])
    counted = [entry for entry in map(decode_entry, state.ledger.values()) if entry.status in COMPILED.spend.statuses]
    paid = [max(0, entry.total - entry.shipping - entry.store_credit) for entry in counted]
    assert state.totals.spend == sum(paid)
    assert [order_value(entry, COMPILED.spend) for entry in counted] == paid

"""Laws of effects: no order or repetition of what is delivered makes a second one, and only live facts make any."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.effects import Effect, effect_id
from headrace.contracts.events import CustomerSnapshot, Event, OrderSnapshot, Origin
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from tests.headrace.segmentation.acting import compiled
from tests.headrace.segmentation.test_properties import SOME, START, customers, deliveries, event, histories, orders

NOW = START + timedelta(days=30)
ACTING = compiled(
    """
rules:
- {id: placed, when: order.placed, then: [{webhook: https://a.example}, {send_email: once, once: customer}]}
- id: line
  when: product.ordered
  if: {order.lines: {any: {brand: Apple}}}
  then: [{notify_staff: {channel: c, text: t}}]
- {id: refunded, when: order.refunded, past: apply, then: [{webhook: https://b.example}, {tag: {mailchimp: R}}]}
- {id: made, when: customer.created, then: [{webhook: https://c.example}]}
- {id: status, when: order.status_changed, then: [{webhook: https://d.example}]}
- {id: review, when: order.placed, then: [{webhook: https://e.example, after: 36 hours, unless: {customer.orders: 3}}]}
segments:
- id: big
  who: {customer.spend: {above: 10}}
  on_enter: [{webhook: https://f.example}, {send_email: late, after: 2 days}]
  on_exit: [{webhook: https://g.example}]
ladders:
- id: loyalty
  by: customer.orders
  rungs: [{}, {from: 2, on_enter: [{webhook: https://h.example}], on_exit: [{webhook: https://i.example}]}]
"""
)
EMPTY = compiled("")
FREE_OF_ORDER = frozenset({"rule:placed", "rule:refunded", "rule:made"})
"""Rules whose causes are facts: whatever the order of delivery, there is an effect for each."""


def fold(events: Sequence[Event], rules: object = ACTING) -> tuple[State, list[Effect]]:
    state, effects = None, list[Effect]()
    for offset, one in enumerate(events):
        decision = decide(state, one, rules, Context(1, offset, NOW, 1))  # type: ignore[arg-type]  # compiled rules
        effects += decision.effects
        state = decode_state(encode_state(decision.state))
    assert state is not None
    return state, effects


def later(state: State) -> tuple[State, list[Effect]]:
    """Four days on, half a day at a time."""
    effects = list[Effect]()
    for hours in range(0, 96, 12):
        decision = wake(state, ACTING, Context(1, 99, NOW + timedelta(hours=hours), 1))
        effects += decision.effects
        state = decode_state(encode_state(decision.state))
    return state, effects


def of_origin(events: Sequence[Event], origin: Origin) -> list[Event]:
    return [replace(event, envelope=replace(event.envelope, headraceorigin=origin)) for event in events]


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """A snapshot of the customer and of several orders, as they came about, and delivered anyhow."""
    told: list[OrderSnapshot | CustomerSnapshot] = [draw(customers())]
    told += (draw(orders(number)) for number in draw(st.sets(st.sampled_from("1234"))))
    history = [event(data, number) for number, data in enumerate(told)]
    again = draw(st.lists(st.sampled_from(history), max_size=4))
    return history, draw(st.permutations([*history, *again]))


@SOME
@given(snapshots())
def test_decide__snapshots_in_any_order_with_repeats__an_effect_for_each_cause(
    told: tuple[list[Event], list[Event]],
) -> None:
    history, delivery = told
    in_order, delivered = (
        Counter(effect.id for effect in fold(events)[1] if effect.entry in FREE_OF_ORDER and effect.consent is None)
        for events in (history, delivery)
    )
    assert in_order == delivered
    assert set(delivered.values()) <= {1}


@SOME
@given(deliveries())
def test_decide__edits_in_any_order_with_repeats__no_rule_acts_twice_for_a_cause(
    told: tuple[list[Event], list[Event]],
) -> None:
    _, effects = fold(told[1])
    causes = Counter((effect.entry, effect.key, effect.cause_id) for effect in effects if effect.cause_id)
    assert {cause: count for cause, count in causes.items() if cause[0].startswith("rule:") and count > 1} == {}


@SOME
@given(histories(), st.data())
def test_decide__each_event_again_at_any_time__the_same_effects(history: list[Event], data: st.DataObject) -> None:
    repeated = list[Event]()
    for position, one in enumerate(history):
        repeated.append(one)
        repeated += data.draw(st.lists(st.sampled_from(history[: position + 1]), max_size=3))
    state, effects = fold(history)
    again, same = fold(repeated)
    assert [effect.id for effect in same] == [effect.id for effect in effects]
    assert [effect.id for effect in later(again)[1]] == [effect.id for effect in later(state)[1]]


@SOME
@given(histories())
def test_effects__every_one__has_the_id_of_its_cause_and_proof_where_it_needs_one(history: list[Event]) -> None:
    state, effects = fold(history)
    for effect in (*effects, *later(state)[1]):
        assert effect.id == effect_id("shop:7", effect.entry, effect.key, effect.cause_id)
        assert (effect.consent is not None) is (effect.kind == "send_email")
    assert fold(history)[1] == effects
    versions = [effect.version for effect in effects]
    assert len(set(versions)) == len(versions)


@SOME
@given(histories(), st.sampled_from(["backfill", "import"]))
def test_decide__facts_that_are_not_live__release_nothing_now_or_later(history: list[Event], origin: Origin) -> None:
    state, effects = fold(of_origin(history, origin))
    assert effects == []
    assert [effect for effect in later(state)[1] if not effect.cause_id.startswith(("entered:", "left:"))] == []


@SOME
@given(histories(), st.booleans())
def test_activate__over_any_customer__releases_what_it_names_and_no_more(history: list[Event], named: bool) -> None:
    for known in (EMPTY, ACTING):
        state, _ = fold(of_origin(history, "backfill"), known)
        sources = ("segment:big", "rule:refunded") if named else ()
        decision = activate(state, ACTING, Context(1, 99, NOW, 2), "a", send_effects=sources)
        assert {effect.entry for effect in decision.effects} <= set(sources)
        waiting = {one.source for one in decision.state.pending}
        assert waiting <= set(sources)

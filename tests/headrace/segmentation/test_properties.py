"""Laws of the core: the order and repetition of snapshots, causes that fire once, determinism, what bytes keep."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from headrace.contracts.events import (
    Address,
    CustomerPersonal,
    CustomerSnapshot,
    Event,
    OrderLine,
    OrderSnapshot,
    OrderStatus,
    Refund,
    RefundLine,
    decode_event,
    encode_event,
)
from headrace.rules.model import (
    AddAttribute,
    AllOf,
    AssignGroup,
    Each,
    Group,
    Ladder,
    Leaf,
    Rule,
    RuleSet,
    Rung,
    Segment,
    Store,
    Tag,
    Trigger,
)
from headrace.segmentation import decide as decide_module
from headrace.segmentation.codec import decode_entry, decode_lines, decode_state, encode_state
from headrace.segmentation.compiled import compile_rules
from headrace.segmentation.decide import Context, activate, decide
from headrace.segmentation.explain import explain
from headrace.segmentation.group_claims import choose_group
from headrace.segmentation.ledger import was_placed
from headrace.segmentation.settle import settle
from headrace.segmentation.state import Entry, State, Totals
from headrace.segmentation.totals import Sums

SOME = settings(max_examples=30)
MANY = settings(SOME, max_examples=150)
START = datetime(2026, 1, 1, tzinfo=UTC)
STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)
PLACED = tuple(status for status in STATUSES if status != "incomplete")


def leaf(field: str, operator: str, operand: Any) -> Leaf:
    return Leaf(field=field, operator=operator, operand=operand)


TRACKED = RuleSet(
    store=Store(timezone="Europe/London", currency="GBP"),
    groups=tuple(Group(name=name) for name in ("Platinum", "Gold", "French", "Apple", "Silver")),
    group_order=(("Platinum",), ("Gold", "French"), ("Apple",), ("Silver",)),
    ladders=(
        Ladder(
            id="loyalty",
            by="customer.spend",
            rungs=(
                Rung(group="Silver"),
                Rung(group="Gold", bound="from", threshold=1000),
                Rung(group="Platinum", bound="above", threshold=5000, attributes={"tier": ("top",)}),
            ),
        ),
    ),
    segments=(
        Segment(
            id="french",
            who=Each(field="customer.addresses", quantifier="any", of=leaf("country", "is", "FR")),
            group="French",
            attributes={"country": ("France",)},
        ),
        Segment(
            id="apple",
            who=Each(field="customer.purchased", quantifier="any", of=leaf("brand", "is", "apple")),
            group="Apple",
        ),
        Segment(
            id="big",
            who=AllOf(of=(leaf("customer.largest_order", "above", 800), leaf("customer.items", "above", 3))),
            tags=(Tag(platform="mailchimp", name="Big"),),
        ),
        Segment(id="frequent", who=leaf("customer.average_order", "from", 300), attributes={"frequent": ("yes",)}),
        Segment(
            id="top-and-frequent",
            who=AllOf(
                of=(
                    leaf("customer.attributes.tier", "has_any", ("top",)),
                    leaf("customer.attributes.frequent", "has_any", ("yes",)),
                )
            ),
            attributes={"both": ("yes",)},
        ),
    ),
)
LATCHED = replace(
    TRACKED,
    rules=(
        Rule(id="placed", when=Trigger(name="order.placed"), then=(AssignGroup(group="Apple"),)),
        Rule(
            id="product",
            when=Trigger(name="product.ordered"),
            if_=Each(field="order.lines", quantifier="any", of=leaf("brand", "is", "apple")),
            then=(AddAttribute(values={"interests": ("apple",)}),),
            past="apply",
        ),
        Rule(id="refunded", when=Trigger(name="order.refunded"), then=(AddAttribute(values={"seen": ("refund",)}),)),
    ),
)
TRACKED_RULES, LATCHED_RULES = compile_rules(TRACKED), compile_rules(LATCHED)


def event(data: OrderSnapshot | CustomerSnapshot, number: int, key: str = "shop:7") -> Event:
    kind = "order.snapshot" if isinstance(data, OrderSnapshot) else "customer.snapshot"
    return decode_event(
        encode_event(
            data,
            type=kind,
            id=f"{kind}:{number}",
            store="shop",
            subject=key,
            time=data.modified_at,
            origin="live",
            revision=f"r{number:05d}",
        )
    )


lines = st.lists(
    st.builds(
        OrderLine,
        id=st.sampled_from("abcd"),
        product_id=st.just("p"),
        quantity=st.integers(1, 4),
        price=st.just(100),
        total=st.just(100),
        brand=st.sampled_from(["Apple", "Pear", ""]),
    ),
    max_size=3,
    unique_by=lambda line: line.id,
)
refunds = st.lists(
    st.builds(
        lambda number, amount, units: Refund(
            id=f"f{number}",
            created_at=START + timedelta(days=number),
            amount=amount,
            lines=(RefundLine(line_id="a", quantity=units, amount=amount),),
        ),
        st.integers(1, 4),
        st.integers(1, 900),
        st.integers(0, 2),
    ),
    max_size=2,
    unique_by=lambda refund: refund.id,
)


@st.composite
def orders(draw: st.DrawFn, order_id: str) -> OrderSnapshot:
    total = draw(st.integers(0, 3000))
    return OrderSnapshot(
        order_id=order_id,
        status=draw(st.sampled_from(STATUSES)),
        created_at=START + timedelta(hours=int(order_id)),
        modified_at=START + timedelta(days=30),
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=tuple(draw(lines)),
        refunds=tuple(draw(refunds)),
        archived=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def customers(draw: st.DrawFn) -> CustomerSnapshot:
    return CustomerSnapshot(
        customer_id="7",
        created_at=START,
        modified_at=START + timedelta(days=draw(st.integers(0, 60))),
        group=draw(st.sampled_from(["", "Silver", "Gold"])),
        email_domain="example.org",
        subscribed=draw(st.sampled_from([True, False, None])),
        addresses=tuple(draw(st.lists(st.builds(Address, country_code=st.sampled_from(["FR", "GB"])), max_size=2))),
        personal=CustomerPersonal(email=draw(st.sampled_from(["ann@example.org", "eve@example.org"]))),
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """A customer's history as the store lived it: revisions grow; the first is the customer's."""
    count = draw(st.integers(1, 8))
    steps: list[OrderSnapshot | CustomerSnapshot] = [draw(customers())]
    steps.extend(
        draw(customers()) if draw(st.integers(0, 3)) == 0 else draw(orders(draw(st.sampled_from("123"))))
        for _ in range(count)
    )
    return [event(data, number) for number, data in enumerate(steps)]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """The history, and a delivery of it: every event at least once, in any order, some again."""
    history = draw(histories())
    again = draw(st.lists(st.sampled_from(history), max_size=4))
    return history, draw(st.permutations([*history, *again]))


def fold(events: Sequence[Event], rules: Any = TRACKED_RULES) -> State:
    state: State | None = None
    for offset, one in enumerate(events):
        state = decide(state, one, rules, Context(1, offset, None, 0 if rules is None else 1)).state
    assert state is not None
    return state


def facts_of(entry: Entry) -> dict[str, Any]:
    """An entry without its memory for triggers, which is about what was seen."""
    return {name: value for name, value in asdict(entry).items() if name not in ("seen", "gone")}


def ledger_of(state: State) -> dict[str, dict[str, Any]]:
    return {order: facts_of(decode_entry(body)) for order, body in state.ledger.items()}


def totals_of(state: State) -> Totals:
    sums = Sums(TRACKED_RULES.summing)
    for body in state.ledger.values():
        sums.add(decode_entry(body))
    return sums.totals


@MANY
@given(deliveries())
def test_decide__any_order_and_repetition__same_ledger_memberships_and_group(
    case: tuple[list[Event], list[Event]],
) -> None:
    history, delivered = case
    expected, found = fold(history), fold(delivered)
    assert ledger_of(found) == ledger_of(expected)
    assert found.totals == expected.totals
    assert found.profile == expected.profile
    assert found.standing == expected.standing
    assert choose_group(found, TRACKED_RULES) == choose_group(expected, TRACKED_RULES)
    assert found.emitted.attributes == expected.emitted.attributes
    assert found.emitted.tags == expected.emitted.tags
    assert found.emitted.contact == expected.emitted.contact
    assert found.emitted.group == expected.emitted.group


@SOME
@given(deliveries())
def test_decide__any_order_and_repetition__accumulators_equal_the_ledger_summed(
    case: tuple[list[Event], list[Event]],
) -> None:
    state = fold(case[1])
    assert state.totals == totals_of(state)


@SOME
@given(histories())
def test_decide__one_snapshot_each__newest_alone_gives_the_same(history: list[Event]) -> None:
    newest: dict[str, Event] = {}
    for one in history:
        newest[one.data.order_id if isinstance(one.data, OrderSnapshot) else ""] = one
    assert ledger_of(fold(list(newest.values()))) == ledger_of(fold(history))
    assert fold(list(newest.values())).standing == fold(history).standing


@SOME
@given(deliveries())
def test_decide__order_triggers__fire_at_most_once_per_cause(case: tuple[list[Event], list[Event]]) -> None:
    fired: list[tuple[Any, ...]] = []

    def spying(state: State, rules: Any, stamp: Any, step: Any) -> Any:
        for occurrence in step.occurrences:
            order = next((name for name, body in state.ledger.items() if decode_entry(body) == occurrence.order), None)
            match occurrence.trigger:
                case "order.placed":
                    fired.append(("placed", order))
                case "product.ordered":
                    fired.extend(("line", order, line.id) for line in occurrence.lines)
                case "order.refunded":
                    fired.append(("refund", order, occurrence.fact_at))
        return settle(state, rules, stamp, step)

    with patch.object(decide_module, "settle", spying):
        fold(case[1], LATCHED_RULES)
    assert all(times == 1 for times in Counter(fired).values())
    ever_placed = {
        one.data.order_id for one in case[0] if isinstance(one.data, OrderSnapshot) and one.data.status in PLACED
    }
    assert {order for kind, order, *_ in fired if kind == "placed"} <= ever_placed


@SOME
@given(deliveries())
def test_decide__latched_rules__repetition_changes_nothing(case: tuple[list[Event], list[Event]]) -> None:
    _, delivered = case
    once = list(dict.fromkeys(one.envelope.id for one in delivered))
    by_id = {one.envelope.id: one for one in delivered}
    first = fold([by_id[name] for name in once], LATCHED_RULES)
    again = fold(delivered, LATCHED_RULES)
    assert {rule: (la.group, la.attributes) for rule, la in first.claims.latched.items()} == {
        rule: (la.group, la.attributes) for rule, la in again.claims.latched.items()
    }
    assert {rule: la.fact_at for rule, la in first.claims.latched.items()} == {
        rule: la.fact_at for rule, la in again.claims.latched.items()
    }


@SOME
@given(deliveries())
def test_decide__same_arguments__same_decision(case: tuple[list[Event], list[Event]]) -> None:
    state: State | None = None
    for offset, one in enumerate(case[1]):
        context = Context(1, offset, None, 1)
        first, second = (decide(state, one, LATCHED_RULES, context) for _ in range(2))
        assert first == second
        assert encode_state(first.state) == encode_state(second.state)
        state = first.state


@SOME
@given(deliveries())
def test_decide__through_bytes__same_as_in_memory(case: tuple[list[Event], list[Event]]) -> None:
    kept: State | None = None
    state: State | None = None
    for offset, one in enumerate(case[1]):
        context = Context(1, offset, None, 1)
        plain, stored = decide(state, one, LATCHED_RULES, context), decide(kept, one, LATCHED_RULES, context)
        assert plain == stored
        state, kept = plain.state, decode_state(encode_state(stored.state))
        assert kept == state


@SOME
@given(histories(), st.integers(0, 8))
def test_activate__any_moment__tracked_memberships_as_if_always_active(history: list[Event], at: int) -> None:
    before, after = history[: max(1, at)], history[max(1, at) :]
    state = fold(before, None)
    state = activate(state, TRACKED_RULES, Context(1, 100, None, 1), "a").state
    for offset, one in enumerate(after, start=101):
        state = decide(state, one, TRACKED_RULES, Context(1, offset, None, 1)).state
    watched = fold(history)
    assert (state.totals, state.standing) == (watched.totals, watched.standing)
    assert state.emitted.attributes == watched.emitted.attributes
    assert state.emitted.group == watched.emitted.group


@SOME
@given(histories())
def test_activate__past_apply__claims_what_the_ledger_shows(history: list[Event]) -> None:
    state = activate(fold(history, None), LATCHED_RULES, Context(1, 100, None, 1), "a").state
    bought = [
        entry.created_at
        for entry in map(decode_entry, state.ledger.values())
        if was_placed(entry) and any(line.brand == "Apple" for line in decode_lines(entry.lines))
    ]
    assert set(state.claims.latched) == ({"product"} if bought else set())
    if bought:
        assert state.claims.latched["product"].fact_at == max(bought)
    assert activate(state, LATCHED_RULES, Context(1, 101, None, 1), "a").state is state


@SOME
@given(histories())
def test_trace_and_explain__any_customer__never_show_an_address(history: list[Event]) -> None:
    state: State | None = None
    for offset, one in enumerate(history):
        decision = decide(state, one, LATCHED_RULES, Context(1, offset, None, 1))
        state = decision.state
        assert "@" not in repr(decision.trace)
        assert all(verdict.reason for verdict in decision.trace.verdicts)
    assert state is not None
    assert "@" not in repr(explain(state, LATCHED_RULES, now=START + timedelta(days=90)))


@SOME
@given(deliveries())
def test_decide__actions__only_when_something_differs(case: tuple[list[Event], list[Event]]) -> None:
    """Two actions of a kind in a row never say the same, and versions grow."""
    state: State | None = None
    last: dict[str, Any] = {}
    versions = [(0, -1, 0)]
    for offset, one in enumerate(case[1]):
        decision = decide(state, one, LATCHED_RULES, Context(1, offset, None, 1))
        state = decision.state
        for action in decision.actions:
            kind = type(action).__name__
            said = {n: v for n, v in asdict(action).items() if n in ("value", "present", "personal", "subscribed")}
            assert last.get(kind) != said
            last[kind] = said
            versions.append(action.version)
    assert versions == sorted(set(versions))

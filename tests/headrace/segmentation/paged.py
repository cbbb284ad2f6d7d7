"""One customer of the core kept as bytes, with its pages in a dict, and whatever can happen to it.

What is expected of it is in the tests.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.contracts.events import (
    AttributeSet,
    CustomerDeleted,
    Event,
    OrderLine,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.rules.model import AddAttribute, Duration, Each, Leaf, Only, Rule, Segment, Spend, Trigger, Window
from headrace.segmentation import pages as paging
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, activate, decide
from headrace.segmentation.pages import ORDER, Limits
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from tests.headrace.segmentation.test_properties import LATCHED, START, TRACKED, customers, leaf, orders

NEVER = Limits(ledger_bytes=2**40, order_bytes=2**40, changes=65_535)
TINY = Limits(ledger_bytes=400, ledger_kept_bytes=300, order_bytes=150, changes=4, changes_a_page=2, extremes=2)
ONLY_PAGES = Limits(ledger_bytes=0, ledger_kept_bytes=0, order_bytes=0, changes=1, changes_a_page=1, extremes=1)


def lately(field: str, operator: str, operand: int) -> Leaf:
    span = Window(span=Duration(count=2, unit="day"))
    return Leaf(field=field, operator=operator, operand=operand, window=span)


APPLE, DEAR = leaf("brand", "is", "apple"), leaf("quantity", "above", 2)


def purchased(quantifier: Any, of: Leaf, operator: str | None = None, operand: int | None = None) -> Each:
    return Each(field="customer.purchased", quantifier=quantifier, of=of, operator=operator, operand=operand)


COUNTING = replace(
    TRACKED,
    spend=Spend(count_statuses=("completed", "refunded", "pending"), amount="subtotal", refunds="ignore"),
    segments=(
        *TRACKED.segments,
        Segment(id="no-apples", who=purchased("none", APPLE), attributes={"fruit": ("none",)}),
        Segment(id="all-many", who=purchased("all", DEAR), attributes={"size": ("many",)}),
        Segment(id="three-apples", who=purchased("count", APPLE, "from", 3), attributes={"fruit": ("apples",)}),
        Segment(
            id="silent",
            who=Leaf(field="customer.last_order_at", operator="older_than", operand=Duration(count=36, unit="hour")),
            attributes={"silent": ("yes",)},
        ),
        Segment(
            id="new",
            who=Leaf(field="customer.first_order_at", operator="within_last", operand=Duration(count=60, unit="hour")),
            group="French",
        ),
        Segment(id="lately", who=lately("customer.spend", "from", 900), attributes={"lately": ("much",)}),
        Segment(id="quiet", who=lately("customer.orders", "below", 2), attributes={"lately": ("little",)}),
        Segment(
            id="apples-this-month",
            who=Leaf(
                field="customer.items",
                operator="above",
                operand=2,
                window=Window(this="month"),
                only=Only(brand=("apple",)),
            ),
            attributes={"month": ("apples",)},
        ),
        Segment(
            id="ever-apple",
            who=Leaf(field="customer.orders", operator="from", operand=1, only=Only(brand=("apple",))),
            attributes={"ever": ("apple",)},
        ),
    ),
    rules=(
        *LATCHED.rules,
        Rule(
            id="many-apples",
            when=Trigger(name="order.placed"),
            if_=purchased("count", APPLE, "from", 2),
            then=(AddAttribute(values={"interests": ("many apples",)}),),
            past="apply",
        ),
        Rule(
            id="third",
            when=Trigger(name="order.placed"),
            if_=leaf("customer.orders", "is", 3),
            then=(AddAttribute(values={"orders": ("third",)}),),
            past="apply",
        ),
    ),
)
RULES = tuple(map(compile_rules, (TRACKED, LATCHED, COUNTING)))


@dataclass(frozen=True)
class Activated:
    rules: int


@dataclass(frozen=True)
class Passed:
    hours: int


Step = Event | Activated | Passed


@dataclass
class Core:
    """One customer, kept as bytes between two steps, with its pages in a dict."""

    limits: Limits
    body: bytes | None = None
    stored: dict[str, bytes] = field(default_factory=dict)
    versions: list[Any] = field(default_factory=list)
    rules: CompiledRules | None = None
    version: int = 0
    offset: int = -1
    mark: int = -1
    hours: int = 0

    def read(self, name: str) -> bytes | None:
        return self.stored.get(name)

    def orders(self) -> Iterable[str]:
        return [name for name in self.stored if name.startswith(ORDER)]

    @property
    def state(self) -> State:
        return State("shop:7") if self.body is None else decode_state(self.body)

    def take(self, step: Step) -> list[Decision]:
        """Time first, as the shell does; then what happened."""
        with limited(self.limits):
            self.offset += 1
            if isinstance(step, Passed):
                self.hours += step.hours
            decisions = [self._wake()] if self.rules is not None and self.body is not None else []
            if isinstance(step, Activated):
                self.rules, self.version = RULES[step.rules], self.version + 1
                decisions.append(self._keep(activate(self.state, self.rules, self._now(), "a", pages=self)))
            elif isinstance(step, Event):
                known = None if self.body is None else self.state
                decisions.append(self._keep(decide(known, step, self.rules, self._now(), pages=self)))
            return decisions

    def _now(self, offset: int | None = None) -> Context:
        return Context(1, self.offset if offset is None else offset, START + timedelta(hours=self.hours), self.version)

    def _wake(self) -> Decision:
        assert self.rules is not None
        return self._keep(wake(self.state, self.rules, self._now(self.mark)), self.mark)

    def _keep(self, decision: Decision, mark: int | None = None) -> Decision:
        if self.body is None or decision.state != self.state:
            self.mark = self.offset if mark is None else mark
        self.body = encode_state(decision.state)
        for name, page in decision.pages.items():
            if page is None:
                del self.stored[name]
            else:
                self.stored[name] = page
        self.versions += [action.version for action in decision.actions]
        return decision


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    with patch.object(paging, "LIMITS", limits):
        yield


def happened(data: Any, kind: str, number: int, revision: str | None = None) -> Event:
    encoded = encode_event(
        data,
        type=kind,
        id=f"{kind}:{number}",
        store="shop",
        subject="shop:7",
        time=START,
        origin="live",
        revision=revision,
    )
    return decode_event(encoded)


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Orders are new, edited, refunded, archived, late; in between whatever else a customer meets."""
    found: list[Step] = [happened(draw(customers()), "customer.snapshot", 0, "r00000")]
    for number in range(1, draw(st.integers(2, 25))):
        kind = draw(st.sampled_from(["order"] * 7 + ["late", "customer", "set", "rules", "time"]))
        revision = f"r{number if kind != 'late' else draw(st.integers(0, number)):05d}"
        match kind:
            case "order" | "late":
                order = draw(orders(str(draw(st.integers(1, 9)))))
                made = order.created_at + timedelta(hours=draw(st.sampled_from([0, 0, 0, -30, 30])))
                order = replace(order, created_at=made, total=order.total % 7 * 300, subtotal=order.total % 7 * 300)
                found.append(happened(order, "order.snapshot", number, revision))
            case "customer":
                found.append(happened(draw(customers()), "customer.snapshot", number, revision))
            case "set":
                values = draw(st.sampled_from([(), ("apple",), ("pear", "apple")]))
                found.append(happened(AttributeSet(name="interests", values=values), "attribute.set", number))
            case "rules":
                found.append(Activated(draw(st.integers(0, 2))))
            case "time":
                found.append(Passed(draw(st.integers(1, 40))))
    if draw(st.integers(0, 9)) == 0:
        found.append(happened(CustomerDeleted(customer_id="7"), "customer.deleted", 99))
    return found


def bought(number: int, revision: int, total: int = 900) -> Event:
    made = START + timedelta(minutes=number)
    order = OrderSnapshot(
        order_id=str(number),
        status="completed",
        created_at=made,
        modified_at=made,
        currency="GBP",
        total=total,
        subtotal=total,
        total_excluding_tax=total,
        lines=tuple(
            OrderLine(id=f"{n}", product_id="p", quantity=n, price=1, total=n, brand="Apple") for n in range(9)
        ),
    )
    return happened(order, "order.snapshot", revision, f"r{revision:05d}")

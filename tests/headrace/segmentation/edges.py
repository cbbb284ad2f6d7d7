"""One customer at a bound: rules as written, events, clocks; whether the one segment or rule of the rules holds."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from headrace.contracts.events import (
    CartEvent,
    CustomerPersonal,
    CustomerPinned,
    CustomerSnapshot,
    CustomEvent,
    EventData,
    OrderLine,
    OrderSnapshot,
    Refund,
    RefundLine,
    decode_event,
    encode_event,
)
from headrace.rules.load import Source, load_texts
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, decide
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
CALENDARS = """
calendars:
  sale: {from: 2026-03-29, to: 2026-03-31}
  turn: {every_year: {from: 12-30, to: 01-02}}
  leap: {every_year: {on: 02-29}}
  week: {every_year: {on: last sunday of october, plus: 1 day, for: 2 days}}
channels: {online: [1], in_store: [2]}
"""


@lru_cache(maxsize=2048)
def compiled(entry: str, zone: str) -> CompiledRules:
    """One entry: `segments: [...]` or `rules: [...]`."""
    head = f"store: {{timezone: {zone}, currency: GBP}}\n{CALENDARS}"
    result = load_texts([Source("rules.yaml", head + entry)])
    assert result.rule_set is not None, result.findings
    return compile_rules(result.rule_set)


def segment(condition: str) -> str:
    return f"segments: [{{id: x, who: {condition}, attributes: {{is: here}}}}]"


def rule(trigger: str, condition: str) -> str:
    return f"rules: [{{id: x, when: {trigger}, if: {condition}, then: [{{add_attribute: {{is: here}}}}]}}]"


class Edge:
    """The customer; `here`: the entry holds, or has fired."""

    def __init__(self, entry: str, *, zone: str = "Europe/London", now: datetime = NOW) -> None:
        self._rules = compiled(entry, zone)
        self._zone = ZoneInfo(zone)
        self._state: State | None = None
        self._offset = 0
        self.now = now
        self.clock = True
        """Whether the store has told its time yet."""

    @property
    def here(self) -> bool:
        return self._state is not None and self._state.emitted.attributes == {"is": ("here",)}

    def local(self, written: str) -> datetime:
        """A time on the clocks of the store; where they show it twice, the first."""
        return datetime.fromisoformat(written).replace(tzinfo=self._zone).astimezone(UTC)

    def passes(self, now: datetime) -> bool:
        """Time alone: whether the entry holds then."""
        assert self._state is not None
        self.now = now
        self._keep(wake(self._state, self._rules, self._context()).state)
        return self.here

    def customer(self, created_at: datetime = NOW, **fields: Any) -> "Edge":
        personal = {name: fields.pop(name) for name in ("birthday", "form") if name in fields}
        data = CustomerSnapshot(
            customer_id="7",
            created_at=created_at,
            modified_at=self.now,
            personal=CustomerPersonal(**personal),
            **fields,
        )
        return self._tell(data, "customer.snapshot")

    def order(self, number: int, total: int = 100, **fields: Any) -> "Edge":
        known: dict[str, Any] = {"created_at": self.now, "status": "completed", "modified_at": self.now, **fields}
        known |= {"total": total, "subtotal": total, "total_excluding_tax": total}
        return self._tell(OrderSnapshot(order_id=str(number), currency="GBP", **known), "order.snapshot")

    def visit(self, at: datetime) -> "Edge":
        return self._tell(CustomEvent(), "custom.visit", at)

    def pin(self, group: str) -> "Edge":
        return self._tell(CustomerPinned(group=group, reason="test"), "customer.pinned")

    def cart(self, total: int, units: int) -> "Edge":
        cart = CartEvent(cart_id="c", currency="GBP", total=total, lines=(line(quantity=units),))
        return self._tell(cart, "cart.abandoned")

    def _tell(self, data: EventData, kind: str, at: datetime | None = None) -> "Edge":
        snapshot = isinstance(data, CustomerSnapshot | OrderSnapshot)
        value = encode_event(
            data,
            type=kind,
            id=f"e{self._offset}",
            store="shop",
            subject="shop:7",
            time=at or self.now,
            origin="live",
            revision=f"r{self._offset:05d}" if snapshot else None,
        )
        self._keep(decide(self._state, decode_event(value), self._rules, self._context()).state)
        return self

    def _context(self) -> Context:
        self._offset += 1
        return Context(1, self._offset, self.now if self.clock else None, 1)

    def _keep(self, state: State) -> None:
        self._state = decode_state(encode_state(state))


def line(**fields: Any) -> OrderLine:
    known: dict[str, Any] = {"id": "1", "product_id": "7", "quantity": 1, "price": 100, "total": 100}
    return OrderLine(**known | fields)


def refund(amount: int, at: datetime = NOW, units: int = 0) -> Refund:
    return Refund(id="f", created_at=at, amount=amount, lines=(RefundLine(line_id="1", quantity=units, amount=amount),))


def days_ago(days: int) -> datetime:
    return NOW - timedelta(days=days)

"""One customer's story, told to the core as the evaluator tells it: timers first, every state through bytes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from headrace.contracts.actions import Desired, DesiredGroup
from headrace.contracts.events import (
    AttributeSet,
    CustomerPinned,
    CustomerSnapshot,
    CustomerUnpinned,
    EventData,
    OrderSnapshot,
    decode_event,
    encode_event,
)
from headrace.rules.load import Source, load_texts
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, activate, decide
from headrace.segmentation.pages import ORDER
from headrace.segmentation.state import State, Timer
from headrace.segmentation.verdicts import Verdict
from headrace.segmentation.wake import wake

HEAD = "store: {timezone: Europe/London, currency: GBP}\n"
GROUPS = (
    "groups: [{name: Wholesale, kind: B2B, erp_id: W-1}, {name: Gold, kind: B2C}, {name: Silver}]\n"
    "group_order: [Wholesale, Gold, Silver]\n"
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def compiled(text: str) -> CompiledRules:
    """The rules of these entries, in a store with three groups unless the text has its own."""
    head = HEAD + ("" if "groups:" in text else GROUPS)
    result = load_texts([Source("rules.yaml", head + text)])
    assert result.rule_set is not None, [finding for finding in result.findings if finding.severity == "error"]
    return compile_rules(result.rule_set)


def moment(text: str) -> datetime:
    """`2026-01-31`, or with a time, in UTC unless it says more."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Story:
    """`now`: the store's clock, moved by `at` of each step. It keeps its own pages."""

    def __init__(self, rules: str, *, key: str = "shop:7") -> None:
        self.rules = compiled(rules)
        self.state = State(key=key)
        self.now = START
        self.version = 1
        self.offset = 0
        self.stored: dict[str, bytes] = {}
        self.actions: list[Desired] = []
        self.verdicts: list[Verdict] = []

    def customer(self, *, at: str | None = None, group: str = "", **fields: Any) -> Decision:
        """A snapshot of the customer."""
        now = self._move(at)
        known = {"created_at": START, **fields}
        return self._tell(CustomerSnapshot(customer_id="7", modified_at=now, group=group, **known), "customer.snapshot")

    def order(self, number: str, pounds: float, *, at: str | None = None, status: str = "completed") -> Decision:
        """A snapshot of an order without lines."""
        now, total = self._move(at), round(pounds * 100)
        order = OrderSnapshot(
            order_id=number,
            status=status,  # type: ignore[arg-type]  # one of them
            currency="GBP",
            created_at=now,
            modified_at=now,
            total=total,
            subtotal=total,
            total_excluding_tax=total,
        )
        return self._tell(order, "order.snapshot")

    def attribute(self, name: str, *values: str, at: str | None = None) -> Decision:
        """Values set by hand."""
        self._move(at)
        return self._tell(AttributeSet(name=name, values=values), "attribute.set")

    def pin(self, group: str, *, at: str | None = None, until: str | None = None) -> Decision:
        """A person's decision."""
        self._move(at)
        ends = None if until is None else moment(until)
        return self._tell(CustomerPinned(group=group, reason="asked for", until=ends), "customer.pinned")

    def unpin(self, *, at: str | None = None) -> Decision:
        """The pin taken off."""
        self._move(at)
        return self._tell(CustomerUnpinned(), "customer.unpinned")

    def apply(self, rules: str, *, at: str | None = None, take_over: bool = False) -> Decision:
        """Another rule set takes effect."""
        self._move(at)
        self.rules, self.version = compiled(rules), self.version + 1
        decision = activate(
            self.state, self.rules, self._context(), f"a{self.version}", take_over=take_over, pages=self
        )
        return self._keep(decision)

    def wait(self, at: str) -> None:
        """Nothing happens until then."""
        self._move(at)

    def read(self, name: str) -> bytes | None:
        """One of its pages."""
        return self.stored.get(name)

    def orders(self) -> Iterable[str]:
        """The pages that hold orders."""
        return [name for name in self.stored if name.startswith(ORDER)]

    @property
    def group(self) -> str | None:
        """The desired group as last told."""
        return self.state.emitted.group

    @property
    def told(self) -> list[str | None]:
        """Every group that was told, in order."""
        return [action.value for action in self.actions if isinstance(action, DesiredGroup)]

    @property
    def attributes(self) -> dict[str, tuple[str, ...]]:
        """As last told."""
        return self.state.emitted.attributes

    def timers(self) -> tuple[Timer, ...]:
        """Those that run."""
        return self.state.timers

    def segments(self) -> tuple[str, ...]:
        """Those the customer is in."""
        return self.state.standing.segments

    def _move(self, at: str | None) -> datetime:
        self.now = self.now if at is None else moment(at)
        if self.state.rules_version:
            self._keep(wake(self.state, self.rules, Context(1, self.offset, self.now, self.version)))
        return self.now

    def _context(self) -> Context:
        self.offset += 1
        return Context(1, self.offset, self.now, self.version)

    def _tell(self, data: EventData, kind: str) -> Decision:
        context = self._context()
        value = encode_event(
            data,
            type=kind,
            id=f"e{self.offset}",
            store="shop",
            subject=self.state.key,
            time=self.now,
            origin="live",
            revision=f"r{self.offset:05d}" if kind.endswith(".snapshot") else None,
        )
        return self._keep(decide(self.state, decode_event(value), self.rules, context, pages=self))

    def _keep(self, decision: Decision) -> Decision:
        self.state = decode_state(encode_state(decision.state))
        assert self.state == decision.state
        for name, page in decision.pages.items():
            if page is None:
                del self.stored[name]
            else:
                self.stored[name] = page
        self.actions += decision.actions
        self.verdicts += decision.trace.verdicts
        return decision

"""A customer to whom things happen, under rules with effects: what is released, by whom, for what."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headrace.contracts.effects import Effect
from headrace.contracts.events import (
    CustomerPersonal,
    CustomerSnapshot,
    CustomEvent,
    EventData,
    OrderSnapshot,
    Origin,
    Refund,
    decode_event,
    encode_event,
    revision,
)
from headrace.rules.load import Source, load_texts
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, activate, decide
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake

START = datetime.fromisoformat("2026-01-05T09:00Z")
HEAD = "store: {timezone: Europe/London, currency: GBP}\n"
GROUPS = "groups: [{name: Gold}, {name: New}, {name: Regular}]\ngroup_order: [Gold, Regular, New]\n"
DAY = timedelta(days=1)


def compiled(text: str) -> CompiledRules:
    result = load_texts([Source("rules.yaml", HEAD + GROUPS + text)])
    assert result.rule_set is not None, result.findings
    return compile_rules(result.rule_set)


@dataclass
class Story:
    """One customer, time first, as the shell does; `now` is the store's clock."""

    rules: CompiledRules | None
    now: datetime | None = START
    version: int = 1
    offset: int = 0
    state: State | None = None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def effects(self) -> list[Effect]:
        return [effect for decision in self.decisions for effect in decision.effects]

    @property
    def done(self) -> list[tuple[str, str, str]]:
        """Entry, key and cause of every effect."""
        return [(effect.entry, effect.key, effect.cause_id) for effect in self.effects]

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Source and reason of what waited or was withheld."""
        verdicts = [verdict for decision in self.decisions for verdict in decision.trace.verdicts]
        return [(verdict.source, verdict.reason) for verdict in verdicts if verdict.outcome in ("waits", "withheld")]

    def customer(self, at: datetime = START, *, subscribed: bool | None = True, origin: Origin = "live") -> Decision:
        personal = CustomerPersonal(email="ann@example.org")
        data = CustomerSnapshot(
            customer_id="7", created_at=START, modified_at=at, subscribed=subscribed, personal=personal
        )
        return self.happens(data, "customer.snapshot", at, origin)

    def order(
        self, id: str, total: int, at: datetime | None = None, *, origin: Origin = "live", **more: Any
    ) -> Decision:
        at = at or self.now or START
        given: dict[str, Any] = {"status": "completed", "modified_at": at} | more
        data = OrderSnapshot(
            order_id=id,
            created_at=at,
            currency="GBP",
            total=total,
            subtotal=total,
            total_excluding_tax=total,
            **given,
        )
        return self.happens(data, "order.snapshot", given["modified_at"], origin)

    def custom(self, name: str, id: str, *, origin: Origin = "live") -> Decision:
        return self.happens(CustomEvent(payload={}), f"custom.{name}", self.now or START, origin, id)

    def happens(
        self, data: EventData, kind: str, at: datetime, origin: Origin = "live", id: str | None = None
    ) -> Decision:
        self.time(self.now)
        seen = revision(at, at) if kind.endswith(".snapshot") else None
        event = decode_event(
            encode_event(
                data,
                type=kind,
                id=id or f"{kind}:{self.offset}",
                store="s",
                subject="s:7",
                time=at,
                origin=origin,
                revision=seen,
            )
        )
        self.offset += 1
        return self._keep(decide(self.state, event, self.rules, self._context()))

    def time(self, now: datetime | None) -> Decision | None:
        """The clock moves; whoever is due is looked at."""
        self.now = now
        if self.state is None or self.rules is None:
            return None
        return self._keep(wake(self.state, self.rules, self._context()))

    def activation(self, rules: CompiledRules, send_effects: tuple[str, ...] = ()) -> Decision:
        self.rules, self.version = rules, self.version + 1
        self.offset += 1
        assert self.state is not None
        return self._keep(activate(self.state, rules, self._context(), "a", send_effects=send_effects))

    def _context(self) -> Context:
        return Context(1, self.offset, self.now, self.version if self.rules else 0)

    def _keep(self, decision: Decision) -> Decision:
        self.state = decode_state(encode_state(decision.state))
        assert self.state == decision.state
        self.decisions.append(decision)
        return decision


def refund(id: str, amount: int, at: datetime) -> Refund:
    return Refund(id=id, created_at=at, amount=amount)

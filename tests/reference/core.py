"""The incremental core, driven as the shell drives it: states and events through bytes, time and activations caught up.

`lazy`: a customer is looked at only when an event comes, as one whom no sweep has reached; else after every record.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest.mock import patch

from headrace.contracts.actions import Desired, DesiredAttributes, DesiredContact, DesiredEmailTags, DesiredGroup
from headrace.contracts.events import Event
from headrace.segmentation import pages as paging
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.decide import Context, Decision, NotApplicable, activate, decide
from headrace.segmentation.pages import ORDER, Limits
from headrace.segmentation.state import State
from headrace.segmentation.wake import wake
from tests.reference.telling import Said

SMALL = Limits(ledger_bytes=400, ledger_kept_bytes=300, order_bytes=150, changes=4, changes_a_page=2, extremes=2)
"""So that orders and changes soon stand on pages."""


@dataclass(frozen=True)
class Pending:
    offset: int
    now: datetime | None
    version: int
    send_effects: tuple[str, ...]
    take_over: bool


@dataclass
class Core:
    """One customer."""

    limits: Limits
    lazy: bool
    said: list[Said] = field(default_factory=list)
    effects: list[Said] = field(default_factory=list)
    body: bytes | None = None
    now: datetime | None = None

    def __post_init__(self) -> None:
        self._stored: dict[str, bytes] = {}
        self._versions: list[Any] = []
        self._rules: list[CompiledRules] = []
        self._pending: list[Pending] = []
        self._offset = self._mark = 0

    # -- the pages -----------------------------------------------------------------------------------------------
    def read(self, name: str) -> bytes | None:
        return self._stored.get(name)

    def orders(self) -> Iterable[str]:
        return [name for name in self._stored if name.startswith(ORDER)]

    # -- what may come -------------------------------------------------------------------------------------------
    def clock(self, now: datetime) -> None:
        self._offset += 1
        self.now = now if self.now is None else max(self.now, now)
        if not self.lazy:
            self.catch_up()

    def activate(self, rules: CompiledRules, *, send_effects: tuple[str, ...] = (), take_over: bool = False) -> None:
        self._offset += 1
        self._rules.append(rules)
        self._pending.append(Pending(self._offset, self.now, len(self._rules), send_effects, take_over))
        if not self.lazy:
            self.catch_up()

    def event(self, event: Event) -> None:
        self._offset += 1
        with limited(self.limits):
            self.catch_up()
            context = Context(1, self._offset, self.now, len(self._rules))
            rules = self._rules[-1] if self._rules else None
            try:
                decision = decide(self.state, event, rules, context, pages=self)
            except NotApplicable:
                return
            self._keep(decision, self._offset)

    def catch_up(self) -> None:
        """What the shell does before a customer's event, and its sweep whenever it comes by."""
        pending, self._pending = self._pending, []
        if self.body is None:
            return
        with limited(self.limits):
            for one in pending:
                self._wake(one.now)
                context = Context(1, one.offset, one.now, one.version)
                decision = activate(
                    self._known(),
                    self._rules[one.version - 1],
                    context,
                    f"a{one.version}",
                    pages=self,
                    send_effects=one.send_effects,
                    take_over=one.take_over,
                )
                self._keep(decision, one.offset)
            self._wake(self.now)

    def answer(self) -> dict[str, Any]:
        """What the customer is and has, in the words of `Reading.answer`."""
        state = self.state or State("")
        totals = state.totals
        return {
            "deleted": state.deleted,
            "spend": totals.spend,
            "orders": totals.orders,
            "segments": {name: state.standing.since.get(name) for name in state.standing.segments},
            "rungs": {
                name: (number, state.standing.since.get(f"ladder:{name}"), state.standing.below.get(name))
                for name, number in state.standing.rungs.items()
            },
            "claims": {
                rule: (latch.group, dict(latch.attributes), dict(latch.tags), latch.fact_at)
                for rule, latch in state.claims.latched.items()
            },
            "pin": None if state.pin is None else (state.pin.group, state.pin.until),
            "waiting": [(one.due, one.source, one.key, one.cause) for one in state.pending],
            "said": self.said,
            "effects": self.effects,
        }

    @property
    def state(self) -> State | None:
        return None if self.body is None else decode_state(self.body)

    def _known(self) -> State:
        state = self.state
        assert state is not None
        return state

    def _wake(self, now: datetime | None) -> None:
        state = self._known()
        if state.rules_version and now is not None:
            context = Context(1, self._mark, now, state.rules_version)
            self._keep(wake(state, self._rules[state.rules_version - 1], context), self._mark)

    def _keep(self, decision: Decision, mark: int) -> None:
        body = encode_state(decision.state)
        if body != self.body:
            self._mark = mark
        self.body = body
        for name, page in decision.pages.items():
            if page is None:
                del self._stored[name]
            else:
                self._stored[name] = page
        versions = [action.version for action in decision.actions]
        assert versions == sorted(set(versions))
        assert not versions or not self._versions or versions[0] > self._versions[-1]
        self._versions += versions
        self.effects += [(one.kind, one.entry, one.key, one.cause_id) for one in decision.effects]
        self.said += [said for action in decision.actions for said in as_said(action)]


def as_said(action: Desired) -> Iterator[Said]:
    """An action in the words of `telling.py`."""
    match action:
        case DesiredGroup(value=value):
            yield ("group", value)
        case DesiredAttributes(present=present, absent=absent):
            yield ("attributes", present, absent)
        case DesiredEmailTags(present=present, absent=absent, lists=lists, lists_absent=lists_absent):
            yield ("tags", _with_lists(present, lists), _with_lists(absent, lists_absent))
        case DesiredContact(deleted=True):
            yield ("contact", "deleted")
        case DesiredContact(personal=personal, subscribed=subscribed):
            assert personal is not None
            yield ("contact", personal.email, personal.first_name, personal.last_name, subscribed)


def _with_lists(tags: dict[Any, tuple[str, ...]], lists: dict[Any, tuple[str, ...]]) -> dict[Any, tuple[str, ...]]:
    return tags | {f"{platform}.lists": names for platform, names in lists.items()}


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    with patch.object(paging, "LIMITS", limits):
        yield

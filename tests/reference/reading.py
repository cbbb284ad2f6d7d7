"""The second reading: a customer's whole history under the rules, gone through record by record.

Facts are read from all events each time. What is carried along is only what the language says is remembered, and what
the sinks were told.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.contracts.effects import MARKETING
from headrace.contracts.events import (
    AttributeSet,
    CustomerDeleted,
    CustomerPinned,
    CustomerSnapshot,
    CustomerUnpinned,
    Event,
    OrderSnapshot,
)
from headrace.rules.model import Action, Rule, RuleSet, Send, Spend, Store
from tests.reference import timeline
from tests.reference.effects import Effect, Why, release
from tests.reference.entries import Entry, in_order
from tests.reference.facts import (
    Arrived,
    Facts,
    Happening,
    brings_news,
    counted,
    kept_of,
    profile_changed_at,
    read_facts,
)
from tests.reference.group import at_store, in_rules, is_ours, pinned_group, wanted_group
from tests.reference.happenings import happenings, past_happenings
from tests.reference.memory import Memory, Pin
from tests.reference.moments import moments, spans_of
from tests.reference.scene import Scene
from tests.reference.schedule import times_due
from tests.reference.telling import Said, Teller, by_name
from tests.reference.walk import Before, Walk, actions_of

NO_RULES = RuleSet(store=Store(timezone="UTC", currency="GBP"))


@dataclass
class Reading:
    """One customer. `said`: all that the sinks were told, in order; `effects`: all that were released."""

    key: str
    arrived: list[Arrived] = field(default_factory=list)
    rules: RuleSet | None = None
    now: datetime | None = None
    memory: Memory = field(default_factory=Memory)
    deleted: bool = False
    teller: Teller = field(default_factory=Teller)
    effects: list[Effect] = field(default_factory=list)
    activations: int = 0

    def __post_init__(self) -> None:
        self.guest = self.key.partition(":")[2].startswith("guest-")
        self.facts = read_facts([], guest=self.guest)
        self._order: list[Entry] = []

    @property
    def said(self) -> list[Said]:
        return self.teller.said

    def answer(self) -> dict[str, Any]:
        """What the customer is and has."""
        spend = self.rules.spend if self.rules else Spend()
        orders = counted(self.facts.newest_orders, spend)
        claims = {
            rule: (
                claim.group,
                by_name({label for label in claim.labels if label[0] == "attribute"}),
                by_name({label for label in claim.labels if label[0] == "tag"}),
                claim.fact_at,
            )
            for rule, claim in self.memory.claims.of_rules.items()
        }
        return {
            "deleted": self.deleted,
            "spend": sum(kept_of(order, spend) for order in orders),
            "orders": len(orders),
            "segments": self.memory.segments,
            "rungs": {name: (rung.number, rung.since, rung.below) for name, rung in self.memory.rungs.items()},
            "claims": claims,
            "pin": None if self.memory.pin is None else (self.memory.pin.group, self.memory.pin.until),
            "waiting": [(one.due, one.source, one.key, one.cause) for one in self.memory.waiting],
            "said": self.said,
            "effects": self.effects,
        }

    # -- what may come -----------------------------------------------------------------------------------------------
    def clock(self, now: datetime) -> None:
        """Time passes: whatever it changes changes at its own moment."""
        before = self.now
        self.now = now if before is None else max(before, now)
        self._pass(before, self.now)

    def activate(self, rules: RuleSet, *, send_effects: tuple[str, ...] = (), take_over: bool = False) -> None:
        """Another rule set takes effect."""
        self._pass(self.now, self.now)
        self.rules, self._order, self.activations = rules, in_order(rules), self.activations + 1
        if self.deleted:
            return
        if take_over and self.arrived and not self._is_ours():
            self.memory.taken = True
        before = self.memory
        self.memory.keep(rules, self.now)
        self._keep_waiting(before)
        due = self._to_fold(rules)
        if self.arrived:
            why = Why("activation", self.now, self.now, f"activation:a{self.activations}", frozenset(send_effects))
            walk = self._walk(why)
            past = self._fold(due)
            self._settle([], why, walk, past)
            self._pass(self.now, self.now)

    def event(self, event: Event) -> None:
        """Something happened, or is told once more."""
        if self.deleted:
            return
        self._pass(self.now, self.now)
        data, envelope = event.data, event.envelope
        if isinstance(data, OrderSnapshot) and self.rules is not None and data.currency != self.rules.store.currency:
            return
        arrived = [*self.arrived, Arrived(event, self.now)]
        if not brings_news(arrived):
            return
        before, self.arrived, self.facts = self.facts, arrived, read_facts(arrived, guest=self.guest)
        match data:
            case CustomerDeleted():
                self.facts = before
                self._farewell(
                    Why(envelope.headraceorigin, self.now or envelope.time, self.now, envelope.id), envelope.time
                )
                self._delete()
                return
            case AttributeSet(name=name, values=values):
                self.memory.claims.set_by_hand(name, values)
            case CustomerPinned(group=group, until=until):
                self.memory.pin = Pin(group, until)
            case CustomerUnpinned():
                self.memory.pin = None
        moved_to = self._moved_to(before)
        if moved_to is not None:
            self.teller.moved_away = True
        if moved_to is not None and self.rules is not None and self.rules.drift == "pin":
            there = Pin(in_rules(moved_to, self.rules), None)
            self.memory.pin = self.memory.pin if pinned_group(there, self.rules) is None else there
        happened = None if envelope.headracerevision else envelope.time
        why = Why(
            envelope.headraceorigin,
            self.now or envelope.time,
            self.now,
            envelope.id,
            happened=happened,
            told_at=envelope.time,
        )
        walk = self._walk(why, before=before, moved_to=moved_to)
        self._settle(happenings(arrived, guest=self.guest), why, walk)

    def _farewell(self, why: Why, deleted_at: datetime) -> None:
        """What rules do for the last time: at once, and nothing that is written to the customer."""
        if self.rules is None or profile_changed_at(self.facts) is None:
            return
        walk = self._walk(why=None, orders=self.facts.newest_orders)
        gone = Happening("customer.deleted", deleted_at, cause="deleted")
        for rule in self.rules.rules:
            walk.rule(rule, [gone])
        walk.fired = [
            replace(one, actions=[(key, action) for key, action in one.actions if _is_of_staff(action)])
            for one in walk.fired
        ]
        self.effects += release(walk, why)

    def _delete(self) -> None:
        self.deleted, self.facts = True, read_facts(self.arrived, guest=self.guest)
        self.teller.grave()
        self.memory = Memory()

    def _moved_to(self, before: Facts) -> str | None:
        """Where somebody else put the customer, after the store had the group we wanted; or moved on who was moved."""
        was, now = before.customer, self.facts.customer
        if was is None or now is None or not isinstance(self.arrived[-1].event.data, CustomerSnapshot):
            return None
        told = self.teller.last_group
        if not self.teller.group_known or told is None or now.group in (was.group, told):
            return None
        if was.group != told and not self.teller.moved_away:
            return None
        default = "" if self.rules is None else at_store(self.rules.default_group, self.rules)
        given = now.group == default != "" and now.modified_at - now.created_at < timedelta(hours=1)
        return None if given or self._is_echo(was, now) else now.group

    def _is_echo(self, was: CustomerSnapshot, now: CustomerSnapshot) -> bool:
        """Whether a write of ours of the last 24 hours may have arrived only now."""
        groups = self.teller.groups
        old = [at is not None and at < now.modified_at - timedelta(hours=24) for at, _ in groups]
        lately = groups[max(0, old.count(True) - 1) :]
        names = [name for _, name in lately]
        if names.count(names[-1]) > 1:  # told, then something else, then told again
            return now.group in names[names.index(names[-1]) : -1]
        told_at = lately[-1][0]
        arrived = told_at is not None and told_at <= was.modified_at
        return now.group in names[:-1] and not (arrived and now.modified_at - was.modified_at > timedelta(minutes=1))

    # -- time --------------------------------------------------------------------------------------------------------
    def _pass(self, since: datetime | None, now: datetime | None) -> None:
        """Everything due up to now, each at its moment."""
        if now is None or self.rules is None or not self.arrived or self.deleted:
            return
        still, cursor = moments(self.rules, self.facts, since, now), since
        while (moment := self._next(still, cursor, now)) is not None:
            self.now = cursor = moment
            happened = times_due(self.rules, self.facts, moment) if moment != since else []
            why = Why("time", moment, now, f"time:{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
            self._settle(happened, why, self._walk(why, due=True))
        self.now = now
        if now != since:
            why = Why("time", now, now, "time")
            self._settle([], why, self._walk(why))

    def _next(self, still: list[datetime], cursor: datetime | None, now: datetime) -> datetime | None:
        """The next moment something may change by itself; what waits may be due already."""
        assert self.rules is not None
        zone, memory = self.rules.store.timezone, self.memory
        began = [at for at in memory.segments.values() if at]
        began += [at for rung in memory.rungs.values() for at in (rung.since, rung.below) if at]
        later = [timeline.later(at, span, zone) for at in began for span in spans_of(self.rules)]
        if memory.pin is not None and memory.pin.until is not None:
            later.append(memory.pin.until)
        coming = [at for at in (*still, *later) if (cursor is None or at > cursor) and at <= now]
        coming += [one.due for one in memory.waiting if one.due <= now]
        return min(coming, default=None)

    # -- another rule set --------------------------------------------------------------------------------------------
    def _keep_waiting(self, memory: Memory) -> None:
        """What waits under these rules too, its time found anew."""
        assert self.rules is not None
        entries = {f"{type(entry).__name__.lower()}:{entry.id}": entry for entry in self._order}
        kept = []
        for one in memory.waiting:
            source = memory.renamed(self.rules, one.source)
            actions = dict(reversed(actions_of(entries[source]))) if source in entries else {}
            action = actions.get(one.key)
            if action is not None and action.after is not None:
                due = timeline.same_time_later(one.fact_at, action.after, self.rules.store.timezone)
                if due is not None:
                    due = due if self.now is None else max(due, self.now)
                    kept.append(type(one)(due, source, one.key, one.cause, one.fact_at))
        memory.waiting = sorted(kept, key=lambda one: (one.due, one.source, one.key, one.cause))

    def _to_fold(self, rules: RuleSet) -> list[Rule]:
        """The rules that go over the orders from before: new ones, and those that say something else now."""
        known = self.memory.folded
        self.memory.folded = {rule.id: (rule.when, rule.if_, rule.then) for rule in rules.rules if rule.past == "apply"}
        due = {rule for rule, said in self.memory.folded.items() if known.get(rule) != said}
        return [entry for entry in self._order if isinstance(entry, Rule) and entry.id in due]

    def _fold(self, due: list[Rule]) -> list[Any]:
        """The orders, oldest first, each with those up to it, through these rules once."""
        past: dict[str, OrderSnapshot] = {}
        fired: list[Any] = []
        walk = self._walk(why=None, orders={})
        ordered = sorted(self.facts.newest_orders.values(), key=lambda order: (order.created_at, order.order_id))
        for order in ordered:
            past[order.order_id] = order
            walk = self._walk(why=None, orders=dict(past), earlier=walk.scene)
            for rule in due:
                walk.rule(rule, past_happenings(self.facts, order.order_id), past=True)
            fired += walk.fired
        return fired

    # -- one settlement ----------------------------------------------------------------------------------------------
    def _walk(
        self,
        why: Why | None,
        *,
        before: Facts | None = None,
        moved_to: str | None = None,
        due: bool = False,
        orders: dict[str, OrderSnapshot] | None = None,
        earlier: Scene | None = None,
    ) -> Walk:
        rules = self.rules or NO_RULES
        if before is not None:
            earlier = Scene(rules, before, before.newest_orders, self.now, set)
        scene = Scene(
            rules=rules,
            facts=self.facts,
            orders=self.facts.newest_orders if orders is None else orders,
            now=self.now,
            labels=set,
            before=earlier,
        )
        known = None
        if orders is None:
            known = Before(
                attributes=self.teller.folded_attributes(),
                group=self.teller.last_group,
                group_told=self.teller.group_known,
                observed=_observed(before or self.facts, self.facts),
                moved_to=moved_to,
                event="" if why is None else why.event,
                at=None if why is None else why.told_at or why.at,
            )
        return Walk(scene, self.memory, self.teller.wanted, known, due)

    def _settle(self, happened: list[Happening], why: Why, walk: Walk, past: list[Any] | None = None) -> None:
        pin = self.memory.pin
        if self.rules is not None:
            if pin is not None and pin.until is not None and self.now is not None and pin.until <= self.now:
                self.memory.pin = None
            walk.run(self._order, happened)
            walk.fired[:0] = past or []
        self.teller.contact(self.facts)
        customer = self.facts.customer
        if self.rules is not None and not self.guest and customer is not None:
            if self.memory.taken and is_ours(customer.group, self.rules, self.teller.wanted):
                self.memory.taken = False
            wanted = wanted_group(customer.group, self.rules, self.memory, self.teller.wanted, walk.newest_fact)
            moved = walk.before is not None and walk.before.moved_to is not None
            again = self.rules.drift == "overwrite" and moved
            self.teller.group(wanted, customer.group, again=again, now=self.now)
        self.teller.labels(walk.labels() if self.rules else self.memory.claims.present(()))
        if self.rules is not None:
            self.effects += release(walk, why)

    def _is_ours(self) -> bool:
        assert self.rules is not None
        customer = self.facts.customer
        return customer is not None and is_ours(customer.group, self.rules, self.teller.wanted)


def _is_of_staff(action: Action) -> bool:
    return action.after is None and isinstance(action, Send) and action.kind not in MARKETING


def _observed(before: Facts, now: Facts) -> str | None:
    """The group the store had; of who is new, the one it has."""
    customer = before.customer or now.customer
    return None if customer is None else customer.group

"""The second reading: a customer's whole history under the rules, gone through record by record.

Facts are read from all events each time. What is carried along is only what the language says is remembered: claims and
bars, memberships, what was told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.contracts.events import AttributeSet, CustomerDeleted, Event, OrderSnapshot
from headrace.rules.model import (
    AddAttribute,
    AddTag,
    AssignGroup,
    Ladder,
    RemoveAttribute,
    RemoveTag,
    Rule,
    RuleSet,
    Rung,
    Segment,
    Spend,
)
from tests.reference.conditions import holds
from tests.reference.entries import Entry, given, in_order, labels_of, parts_read, renames
from tests.reference.facts import (
    Arrived,
    Facts,
    Happening,
    brings_news,
    counted,
    kept_of,
    newest_order_fact,
    profile_changed_at,
    read_facts,
)
from tests.reference.group import choose, is_ours
from tests.reference.happenings import happenings, past_happenings
from tests.reference.labels import Claims, Label
from tests.reference.moments import moments
from tests.reference.numbers import number_of
from tests.reference.scene import Memberships, Scene
from tests.reference.telling import Said, Teller, by_name


@dataclass
class Reading:
    """One customer. `said`: all that the sinks were told, in order."""

    key: str
    arrived: list[Arrived] = field(default_factory=list)
    rules: RuleSet | None = None
    now: datetime | None = None
    claims: Claims = field(default_factory=Claims)
    segments: set[str] = field(default_factory=set)
    rungs: dict[str, int] = field(default_factory=dict)
    folded: dict[str, object] = field(default_factory=dict)
    deleted: bool = False
    teller: Teller = field(default_factory=Teller)

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
            for rule, claim in self.claims.of_rules.items()
        }
        return {
            "deleted": self.deleted,
            "spend": sum(kept_of(order, spend) for order in orders),
            "orders": len(orders),
            "segments": self.segments,
            "rungs": self.rungs,
            "claims": claims,
            "said": self.said,
        }

    # -- what may come -----------------------------------------------------------------------------------------------
    def clock(self, now: datetime) -> None:
        """Time passes: whatever it changes changes at its own moment."""
        if self.now is not None and now <= self.now:
            return
        before, self.now = self.now, now
        if self.rules is None or not self.arrived or self.deleted:
            return
        for moment in moments(self.rules, self.facts, [], before, now):
            self.now = moment
            self._settle([])
        self.now = now
        self._settle([])

    def activate(self, rules: RuleSet) -> None:
        """Another rule set takes effect."""
        self.rules, self._order = rules, in_order(rules)
        due = self._adopt(rules)
        if self.arrived and not self.deleted:
            self._fold(due)
            self._settle([])

    def event(self, event: Event) -> None:
        """Something happened, or is told once more."""
        if self.deleted:
            return
        data = event.data
        if isinstance(data, OrderSnapshot) and self.rules is not None and data.currency != self.rules.store.currency:
            return
        arrived = [*self.arrived, Arrived(event, self.now)]
        if not brings_news(arrived):
            return
        before, self.arrived, self.facts = self.facts, arrived, read_facts(arrived, guest=self.guest)
        if isinstance(data, CustomerDeleted):
            self._delete()
            return
        if isinstance(data, AttributeSet):
            self.claims.set_by_hand(data.name, data.values)
        self._settle(happenings(arrived, guest=self.guest), before)

    def _delete(self) -> None:
        self.deleted = True
        self.teller.grave()
        self.claims, self.segments, self.rungs = Claims(), set(), {}

    # -- another rule set --------------------------------------------------------------------------------------------
    def _adopt(self, rules: RuleSet) -> list[Rule]:
        """Keeps what still has an entry. The rules that are to go over the past."""
        names = {kind: renames(getattr(rules, kind)) for kind in ("rules", "segments", "ladders")}
        self.claims.keep({rule.id for rule in rules.rules}, names["rules"])
        known = {segment.id for segment in rules.segments}
        self.segments = {names["segments"].get(name, name) for name in self.segments} & known
        ladders = {ladder.id for ladder in rules.ladders}
        rungs = {names["ladders"].get(name, name): rung for name, rung in self.rungs.items()}
        self.rungs = {name: rung for name, rung in rungs.items() if name in ladders}
        before = {names["rules"].get(rule, rule): said for rule, said in self.folded.items()}
        self.folded = {rule.id: (rule.when, rule.if_, rule.then) for rule in rules.rules if rule.past == "apply"}
        return [
            entry
            for entry in self._order
            if isinstance(entry, Rule) and entry.id in self.folded and before.get(entry.id) != self.folded[entry.id]
        ]

    def _fold(self, due: list[Rule]) -> None:
        """The orders, oldest first, each with those up to it, through these rules once."""
        past: dict[str, OrderSnapshot] = {}
        before = self._scene({})
        ordered = sorted(self.facts.newest_orders.values(), key=lambda order: (order.created_at, order.order_id))
        for order in ordered:
            past[order.order_id] = order
            scene = self._scene(dict(past), before)
            for rule in due:
                self._rule(rule, scene, past_happenings(self.facts, order.order_id))
            before = scene

    # -- the walk ----------------------------------------------------------------------------------------------------
    def _scene(
        self, orders: dict[str, OrderSnapshot] | None = None, before: Scene | None = None, facts: Facts | None = None
    ) -> Scene:
        assert self.rules is not None
        facts = facts or self.facts
        return Scene(
            rules=self.rules,
            facts=facts,
            orders=facts.newest_orders if orders is None else orders,
            now=self.now,
            labels=self._labels,
            memberships=Memberships,
            before=before,
        )

    def _settle(self, happened: list[Happening], before: Facts | None = None) -> None:
        if self.rules is not None:
            scene = self._scene(before=None if before is None else self._scene(facts=before))
            for entry in self._order:
                match entry:
                    case Rule():
                        self._rule(entry, scene, happened)
                    case Segment():
                        self._segment(entry, scene)
                    case Ladder():
                        self._ladder(entry, scene)
        self._tell()

    def _rule(self, rule: Rule, scene: Scene, happened: list[Happening]) -> None:
        for happening in happened:
            if _wakes(rule, happening) and _is_met(rule, scene, happening):
                self._act(rule, happening)

    def _act(self, rule: Rule, happening: Happening) -> None:
        for action in rule.then:
            match action:
                case AssignGroup(group=group):
                    self.claims.claim(rule.id, happening.fact_at, group=group)
                case AddAttribute() | AddTag():
                    self.claims.claim(rule.id, happening.fact_at, labels=labels_of(action))
                case RemoveAttribute() | RemoveTag():
                    self.claims.remove(rule.id, labels_of(action))

    def _segment(self, segment: Segment, scene: Scene) -> None:
        if not holds(segment.who, scene):
            self.segments.discard(segment.id)
        elif segment.id not in self.segments:
            self.segments.add(segment.id)
            self.claims.unbar(given(segment))

    def _ladder(self, ladder: Ladder, scene: Scene) -> None:
        value = number_of(ladder.by, scene, ladder.window, ladder.only) or 0
        rung = max(number for number, rung in enumerate(ladder.rungs) if _reached(rung, value))
        if self.rungs.get(ladder.id) != rung:
            self.rungs[ladder.id] = rung
            self.claims.unbar(given(ladder.rungs[rung]))

    # -- what follows ------------------------------------------------------------------------------------------------
    def _givers(self) -> Iterable[tuple[str, Entry, Segment | Rung]]:
        if self.rules is None:
            return
        for segment in self.rules.segments:
            if segment.id in self.segments:
                yield f"segment:{segment.id}", segment, segment
        for ladder in self.rules.ladders:
            if self.rungs.get(ladder.id, len(ladder.rungs)) < len(ladder.rungs):  # it may just have lost rungs
                yield f"ladder:{ladder.id}", ladder, ladder.rungs[self.rungs[ladder.id]]

    def _labels(self) -> set[Label]:
        return self.claims.present(label for _, _, giver in self._givers() for label in given(giver))

    def _tell(self) -> None:
        self.teller.contact(self.facts)
        if self.rules is not None and not self.guest and self.facts.customer is not None:
            self.teller.group(self._group(self.facts.customer.group), self.facts.customer.group)
        self.teller.labels(self._labels())

    def _group(self, observed: str) -> str | None:
        assert self.rules is not None
        if not is_ours(observed, self.rules, self.teller.wanted):
            return None
        winner = choose(self._group_claims(), self.rules)
        return self.rules.default_group if winner is None else winner

    def _group_claims(self) -> list[tuple[str, str, datetime]]:
        """Group, source, and when the newest fact behind it happened."""
        found = [
            (claim.group, f"rule:{rule}", claim.fact_at)
            for rule, claim in self.claims.of_rules.items()
            if claim.group is not None
        ]
        for source, entry, giver in self._givers():
            if giver.group is not None:
                found.append((giver.group, source, self._newest_fact(entry)))
        return found

    def _newest_fact(self, entry: Entry) -> datetime:
        parts = parts_read(entry)
        times = [datetime.min.replace(tzinfo=UTC)]
        changed, ordered = profile_changed_at(self.facts), newest_order_fact(self.facts.newest_orders)
        if "profile" in parts and changed is not None:
            times.append(changed)
        if "orders" in parts and ordered is not None:
            times.append(ordered)
        if "labels" in parts:
            times += [claim.fact_at for claim in self.claims.of_rules.values()]
        return max(times)


def _wakes(rule: Rule, happening: Happening) -> bool:
    when = rule.when
    return when.name == happening.trigger and when.from_ in (None, happening.from_) and when.to in (None, happening.to)


def _is_met(rule: Rule, scene: Scene, happening: Happening) -> bool:
    """Of products one line is enough; it is then the only one there is."""
    each = [(line,) for line in happening.lines] if happening.trigger == "product.ordered" else [happening.lines]
    return any(rule.if_ is None or holds(rule.if_, scene.at(happening, lines)) for lines in each)


def _reached(rung: Rung, value: int) -> bool:
    return {"start": True, "from": value >= rung.threshold, "above": value > rung.threshold}[rung.bound]

"""One pass over the entries at one moment: rules fire, segments are entered and left, rungs are taken."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from headrace.contracts.events import OrderLine
from headrace.rules.model import (
    Action,
    AddAttribute,
    AddTag,
    AssignGroup,
    Ladder,
    RemoveAttribute,
    RemoveTag,
    Rule,
    Segment,
    Send,
    fold,
)
from tests.reference import facts as read
from tests.reference.conditions import holds
from tests.reference.entries import Entry, given, keyed, labels_of, parts_read
from tests.reference.facts import Happening
from tests.reference.group import in_rules, standing_givers, wanted_group
from tests.reference.labels import Label
from tests.reference.memory import Fired, Memory, Waiting
from tests.reference.numbers import number_of
from tests.reference.scene import Memberships, Scene
from tests.reference.standing import stand


@dataclass
class Before:
    """What the customer was last told to have: by it a change is seen. `moved_to`: where somebody else put them."""

    attributes: dict[str, set[str]]
    group: str | None
    group_told: bool
    observed: str | None
    moved_to: str | None = None
    event: str = ""
    at: datetime | None = None
    """When the event happened; of time and a rule set, the moment."""


@dataclass
class Walk:
    """`fired`: what shall be done once, or later. `wanted`: every group we ever wanted."""

    scene: Scene
    memory: Memory
    wanted: set[str]
    before: Before | None = None
    due: bool = False
    fired: list[Fired] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scene = replace(self.scene, labels=self.labels, memberships=self.memberships)

    def run(self, order: Iterable[Entry], happened: list[Happening]) -> None:
        """Every entry in its turn; with `due`, what has waited for this moment right after its entry."""
        for entry in order:
            match entry:
                case Rule():
                    self.rule(entry, happened)
                case Segment():
                    self._segment(entry)
                case Ladder():
                    self._ladder(entry)
            if self.due:
                self._done(entry)

    # -- rules -------------------------------------------------------------------------------------------------------
    def rule(self, rule: Rule, happened: list[Happening], *, past: bool = False) -> None:
        """What happened, one after the other."""
        for happening in (*happened, *self._changes(rule)):
            if not wakes(rule, happening):
                continue
            met = [lines for lines in _each(happening) if rule.if_ is None or self._asked(rule, happening, lines)]
            if not met:
                continue
            for action in rule.then:
                if action.after is None:
                    self._act(rule.id, action, happening.fact_at)
            actions = keyed(rule.then)
            causes = [_cause(happening, lines) for lines in met]
            self.fired += [
                Fired(f"rule:{rule.id}", rule, actions, cause, happening.fact_at, past=past)
                for cause in causes
                if actions
            ]

    def _asked(self, rule: Rule, happening: Happening, lines: tuple[OrderLine, ...]) -> bool:
        return rule.if_ is None or holds(rule.if_, self.scene.at(happening, lines))

    def _changes(self, rule: Rule) -> list[Happening]:
        """Has the attribute, or the group, become another since the customer was last told?"""
        before, name = self.before, rule.when.name
        if before is None or name not in ("attribute.changed", "group.changed"):
            return []
        never = datetime.min.replace(tzinfo=UTC)
        fact_at = before.at or max(self.fact_times({"profile", "orders", "labels"}), default=never)
        if name == "attribute.changed":
            of = rule.when.of or ""
            now = {fold(value) for kind, n, value in self.labels() if (kind, n) == ("attribute", of)}
            changed = now != before.attributes.get(of, set())
            return [Happening(name, fact_at, cause=before.event)] if changed else []
        if self.scene.facts.customer is None or self.scene.facts.guest:
            return []
        was = before.group if before.group_told and before.group is not None else before.observed
        now_in = self.group_in() or ""
        if (was or "") == now_in:
            if before.moved_to is None:
                return []
            now_in = before.moved_to
        left, entered = (in_rules(group, self.scene.rules) for group in (was or "", now_in))
        return [Happening(name, fact_at, from_=left, to=entered, cause=before.event)]

    def _act(self, rule: str, action: Action, fact_at: datetime) -> None:
        claims = self.memory.claims
        match action:
            case AssignGroup(group=group):
                claims.claim(rule, fact_at, group=group)
            case AddAttribute() | AddTag():
                claims.claim(rule, fact_at, labels=labels_of(action))
            case RemoveAttribute() | RemoveTag():
                claims.remove(rule, labels_of(action))

    # -- what stands -------------------------------------------------------------------------------------------------
    def _segment(self, segment: Segment) -> None:
        inside, known = holds(segment.who, self.scene), self.memory.segments
        if inside == (segment.id in known):
            return
        source = f"segment:{segment.id}"
        if inside:
            known[segment.id] = self.scene.now
            self.memory.claims.unbar(given(segment))
            self._turn(source, segment, "entered", segment.on_enter, segment.on_exit)
        else:
            del known[segment.id]
            self._turn(source, segment, "left", segment.on_exit, segment.on_enter)

    def _ladder(self, ladder: Ladder) -> None:
        value = number_of(ladder.by, self.scene, ladder.window, ladder.only)
        known = self.memory.rungs.get(ladder.id)
        now = self.memory.rungs[ladder.id] = stand(ladder, known, value, self.scene.now, self.scene.zone)
        if known is not None and known.number == now.number:
            return
        rung, source = ladder.rungs[now.number], f"ladder:{ladder.id}"
        self.memory.claims.unbar(given(rung))
        if known is not None:
            old = ladder.rungs[known.number]
            self._turn(source, ladder, "left", old.on_exit, old.on_enter)
        self._turn(source, ladder, "entered", rung.on_enter, rung.on_exit)

    def _turn(
        self, source: str, entry: Entry, how: str, does: tuple[Action, ...], takes_back: tuple[Action, ...]
    ) -> None:
        """Who leaves no longer waits for what came of entering, and the other way round."""
        gone = {key for key, _ in keyed(takes_back)}
        waiting = self.memory.waiting
        self.memory.waiting = [one for one in waiting if one.source != source or one.key not in gone]
        if does:
            self.fired.append(Fired(source, entry, keyed(does), how))

    # -- what has waited ---------------------------------------------------------------------------------------------
    def _done(self, entry: Entry) -> None:
        source = f"{type(entry).__name__.lower()}:{entry.id}"
        now = self.scene.now
        assert now is not None
        for one in [one for one in self.memory.waiting if one.source == source and one.due <= now]:
            self.memory.waiting.remove(one)
            for key, action in actions_of(entry):
                if key == one.key and (action.unless is None or not holds(action.unless, self.scene)):
                    self._do(one, entry, key, action)
                    break

    def _do(self, one: Waiting, entry: Entry, key: str, action: Action) -> None:
        if isinstance(action, Send):
            self.fired.append(Fired(one.source, entry, [(key, action)], one.cause, one.fact_at, waited=True))
        else:
            self._act(entry.id, action, one.fact_at)

    # -- what is read ------------------------------------------------------------------------------------------------
    def labels(self) -> set[Label]:
        """All that somebody claims and nothing bars."""
        found = standing_givers(self.scene.rules, self.memory)
        return self.memory.claims.present(label for _, _, giver in found for label in given(giver))

    def group_in(self) -> str | None:
        """The group the customer counts as in: the wanted one, else the store's."""
        customer = self.scene.facts.customer
        if customer is None or self.scene.facts.guest:
            return None
        wanted = wanted_group(customer.group, self.scene.rules, self.memory, self.wanted, self.newest_fact)
        return (customer.group if wanted is None else wanted) or None

    def memberships(self) -> Memberships:
        """As the walk has come to them."""
        rungs = {ladder: (rung.number, rung.since) for ladder, rung in self.memory.rungs.items()}
        pinned = self.memory.pin is not None
        group = self.group_in()
        named = None if group is None else in_rules(group, self.scene.rules)
        return Memberships(named, pinned=pinned, segments=dict(self.memory.segments), rungs=rungs)

    def newest_fact(self, entry: Entry) -> datetime:
        """When the newest fact behind a segment or a rung happened."""
        times = self.fact_times(parts_read(entry))
        return max(times, default=datetime.min.replace(tzinfo=UTC))

    def fact_times(self, parts: set[str]) -> list[datetime]:
        """When the newest fact of each of these parts happened."""
        facts = self.scene.facts
        changed, ordered = read.profile_changed_at(facts), read.newest_order_fact(facts.newest_orders)
        times = [changed] if "profile" in parts else []
        times += [ordered] if "orders" in parts else []
        times += [claim.fact_at for claim in self.memory.claims.of_rules.values()] if "labels" in parts else []
        return [at for at in times if at is not None]


def wakes(rule: Rule, happening: Happening) -> bool:
    """The rule waits for this."""
    when = rule.when
    return (
        when.name == happening.trigger
        and happening.rule in (None, rule.id)
        and when.from_ in (None, happening.from_)
        and when.to in (None, happening.to)
        and when.status in (None, happening.to)
    )


def actions_of(entry: Entry) -> list[tuple[str, Action]]:
    """Everything that may wait there, by key."""
    if isinstance(entry, Rule):
        return keyed(entry.then)
    several = entry.rungs if isinstance(entry, Ladder) else (entry,)
    return [one for giver in several for actions in (giver.on_enter, giver.on_exit) for one in keyed(actions)]


def _each(happening: Happening) -> list[tuple[OrderLine, ...]]:
    """Of products each line by itself."""
    return [(line,) for line in happening.lines] if happening.trigger == "product.ordered" else [happening.lines]


def _cause(happening: Happening, lines: tuple[OrderLine, ...]) -> str:
    return f"{happening.cause}:{lines[0].id}" if happening.trigger == "product.ordered" else happening.cause

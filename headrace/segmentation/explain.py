"""Why a customer stands where it stands: claims won and lost, every entry leaf by leaf, the orders behind each number.

For people, never with anything that identifies one; it decides nothing. What it is made of is in `explaining/`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from headrace.rules.model import Ladder, Leaf, Rule, Segment
from headrace.segmentation import ladders
from headrace.segmentation.codec import decode_lines
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.conditions import window
from headrace.segmentation.explaining.behind import Known, matches, orders_behind, orders_of
from headrace.segmentation.explaining.changes import change_of_entry, change_of_group
from headrace.segmentation.explaining.happenings import Subject
from headrace.segmentation.explaining.lens import Lens
from headrace.segmentation.explaining.renamed import in_rules_names
from headrace.segmentation.explaining.seen import ChangeSeen, ConditionSeen, EntrySeen, Explanation, FactSeen, Shown
from headrace.segmentation.explaining.shown import shown_operand, shown_value
from headrace.segmentation.explaining.standing import claims_seen, memberships_seen, moved_away, not_ours
from headrace.segmentation.explaining.tree import Entry, Test, entries_of, tests_of
from headrace.segmentation.explaining.waiting import waiting_seen
from headrace.segmentation.facts import Facts
from headrace.segmentation.group_claims import choose_group, wanted_group
from headrace.segmentation.pages import NO_PAGES, Pages
from headrace.segmentation.state import State

_NEWEST: Final = 100
"""Among so many orders, newest first, one is looked for that meets a rule."""


class UnknownEntry(LookupError):
    """No rule, segment or ladder has this id. `known`: those there are."""

    def __init__(self, entry: str, known: tuple[str, ...]) -> None:
        super().__init__(entry)
        self.known = known


def explain(
    state: State,
    rules: CompiledRules,
    *,
    now: datetime | None = None,
    pages: Pages = NO_PAGES,
    rule: str | None = None,
    search: bool = True,
) -> Explanation:
    """The standing of one customer under the rules it was last settled with, at `now` on the store's clock.

    `rule`: only this entry, and the smallest change of it. `search`: look for the smallest change at all.
    Raises UnknownEntry.
    """
    state, rules = in_rules_names(state, rules)
    entries = _chosen(rules, rule)
    view = _View(state, rules, now, pages)
    winner, group = choose_group(state, rules), None if state.guest else wanted_group(state, rules)
    return Explanation(
        customer=state.key,
        at=now,
        group=group,
        won_by=None if winner is None or group is None else winner.source,
        claims=claims_seen(state, rules),
        memberships=memberships_seen(state, rules),
        facts=view.facts_of(entries),
        rules=tuple(map(view.entry, entries)),
        not_ours=not_ours(state, rules),
        smallest_change=view.change(entries[0] if rule is not None else None) if search else None,
        waiting=waiting_seen(state, rules),
        moved_to=moved_away(state, pages),
    )


def _chosen(rules: CompiledRules, rule: str | None) -> tuple[Entry, ...]:
    entries = entries_of(rules.rule_set)
    if rule is None:
        return entries
    chosen = tuple(entry for entry in entries if entry.id == rule)
    if not chosen:
        raise UnknownEntry(rule, tuple(entry.id for entry in entries))
    return chosen


class _View:
    """One customer, looked at through one rule set."""

    def __init__(self, state: State, rules: CompiledRules, now: datetime | None, pages: Pages) -> None:
        self._subject = Subject(state, rules, now, pages)
        self._rules = rules
        self._lens = Lens(rules)
        self._facts = self._lens.facts(state, now, pages)
        self._orders = orders_of(state, rules, pages)
        self._currency = rules.rule_set.store.currency

    def facts_of(self, entries: Sequence[Entry]) -> dict[str, FactSeen]:
        """What the entries read of the customer, by name."""
        tests = [test for entry in entries for _, test in tests_of(entry)]
        return {
            self._name(test): FactSeen(
                value=self._value(test, self._facts),
                from_=orders_behind(test, self._orders, self._facts, self._rules, self._lens),
            )
            for test in tests
            if not test.field.startswith(("order.", "cart.", "event."))
        }

    def entry(self, entry: Entry) -> EntrySeen:
        """One entry, leaf by leaf."""
        match entry:
            case Rule():
                return self._rule(entry)
            case Segment():
                return self._segment(entry)
            case Ladder():
                return self._ladder(entry)

    def change(self, entry: Entry | None) -> ChangeSeen | None:
        """The smallest: of this entry, or of the group."""
        if entry is not None:
            return change_of_entry(self._subject, self._lens, entry)
        return change_of_group(self._subject, self._lens)

    def _rule(self, rule: Rule) -> EntrySeen:
        compiled = self._rules.rules[rule.id]
        latch = self._subject.state.claims.latched.get(rule.id)
        order, facts = self._looked_at(rule)
        return EntrySeen(
            id=rule.id,
            kind="rule",
            holds=latch is not None,
            met=compiled.condition is None or compiled.condition.holds(facts),
            text="always" if compiled.condition is None else compiled.condition.text,
            conditions=tuple(self._conditions(rule, facts)),
            when=rule.when.name,
            order=order,
            since=None if latch is None else latch.fact_at,
        )

    def _looked_at(self, rule: Rule) -> tuple[str | None, Facts]:
        """The newest order that meets the rule's condition, or the newest; with what the condition then reads."""
        if not rule.when.name.startswith(("order.", "product.")) or not self._orders:
            return None, self._facts
        found = [(one.id, facts) for one in self._orders[: -_NEWEST - 1 : -1] for facts in self._with(one, rule)]
        condition = self._rules.rules[rule.id].condition
        met = (each for each in found if condition is None or condition.holds(each[1]))
        return next(met, found[0])

    def _with(self, order: Known, rule: Rule) -> Iterator[Facts]:
        """The facts at an order; of a rule that asks line by line, once for each line."""
        lines = decode_lines(order.entry.lines)
        for asked in [(line,) for line in lines] if rule.when.name == "product.ordered" and lines else [lines]:
            facts = self._lens.facts(self._subject.state, self._subject.now, self._subject.pages)
            facts.order, facts.lines = order.entry, asked
            yield facts

    def _segment(self, segment: Segment) -> EntrySeen:
        condition, standing = self._rules.segments[segment.id].condition, self._subject.state.standing
        return EntrySeen(
            id=segment.id,
            kind="segment",
            holds=segment.id in standing.segments,
            met=condition.holds(self._facts),
            text=condition.text,
            conditions=tuple(self._conditions(segment, self._facts)),
            since=standing.since.get(segment.id),
        )

    def _ladder(self, ladder: Ladder) -> EntrySeen:
        standing = self._subject.state.standing
        rung = standing.rungs.get(ladder.id, 0)
        entry, zone = self._rules.ladders[ladder.id], self._rules.rule_set.store.timezone
        return EntrySeen(
            id=ladder.id,
            kind="ladder",
            holds=rung > 0,
            met=True,
            text=ladders.explain(entry.rungs, standing, entry.read(self._facts), zone),
            conditions=tuple(self._conditions(ladder, self._facts)),
            since=standing.since.get(f"ladder:{ladder.id}"),
        )

    def _conditions(self, entry: Entry, facts: Facts) -> Iterator[ConditionSeen]:
        for path, test in tests_of(entry):
            yield ConditionSeen(
                path=path,
                value=self._value(test, facts),
                operator=(test.operator or "") if isinstance(test, Leaf) else test.quantifier,
                operand=_operand(test, self._currency),
                holds=self._lens.holds(test, facts),
                text=self._lens.text(test),
            )

    def _value(self, test: Test, facts: Facts) -> Shown:
        if isinstance(test, Leaf):
            return shown_value(test.field, self._lens.value(test, facts), self._currency)
        found = matches(test, facts, self._orders, self._lens)
        return None if found is None else {"matches": found[0], "of": found[1]}

    def _name(self, test: Test) -> str:
        if isinstance(test, Leaf):
            return window.named(test)
        return self._lens.text(test)


def _operand(test: Test, currency: str) -> Shown:
    if isinstance(test, Leaf):
        return shown_operand(test, currency)
    if test.quantifier != "count":
        return None
    return shown_operand(Leaf(field="count", operator=test.operator or "", operand=test.operand), currency)

"""A case played: its events folded through `decide`, time through `wake`, rule sets through `activate`, as live."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from headrace.contracts.actions import Desired
from headrace.contracts.effects import Effect
from headrace.contracts.events import decode_event, encode_event
from headrace.golden.compare import Found, differences, found_of
from headrace.golden.model import Case, Failure, Step, World
from headrace.golden.pinning import check_pin
from headrace.golden.shop import CUSTOMER_ID, Shop
from headrace.golden.told import said
from headrace.golden.why import why
from headrace.rules.findings import Refused
from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet
from headrace.segmentation.absorb import NotApplicable
from headrace.segmentation.codec import decode_state, encode_state
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.decide import Context, Decision, activate, decide
from headrace.segmentation.pages import NO_PAGES, Overlay, Written
from headrace.segmentation.settle import wake_at
from headrace.segmentation.state import State
from headrace.segmentation.verdicts import Verdict
from headrace.segmentation.wake import wake

STORE: Final = "shop"
KEY: Final = f"{STORE}:{CUSTOMER_ID}"
OPENED: Final = (2026, 1, 1)
"""When a case begins that says nothing else: this day in the store's zone."""
_TICK: Final = timedelta(seconds=1)


class Player:
    """Plays one case. The state goes through its bytes after every step, as it does between two live events.

    `twice`: every event is delivered again at once, and must then change nothing.
    """

    def __init__(self, rules: CompiledRules | None, world: World, *, twice: bool = False) -> None:
        self.state: State | None = None
        self.actions: list[Desired] = []
        self.effects: list[Effect] = []
        self.rules: CompiledRules | None = None
        self.now = datetime(*OPENED, tzinfo=world.zone).astimezone(UTC)
        self._shop = Shop(world, self.now)
        self._pages: Written = {}
        self._twice, self._offset, self._version, self._since = twice, 0, 0, 0
        self._moved = False
        self._seen: list[Verdict] = []
        if rules is not None:
            self._activate(rules)

    def play(self, case: Case) -> list[Failure]:
        """What was not as expected. Raises `Refused` for a step that cannot happen."""
        failures: list[Failure] = []
        for step in case.steps:
            self._move(step)
            if step.kind == "expect":
                failures += self._look(case, step)
            elif step.kind == "rules":
                self._activate(_compiled(step))
            elif step.kind != "clock":
                self._happen(step)
        return failures

    def _move(self, step: Step) -> None:
        """Time goes on to the step's own moment, or by a second where it has none; whoever is due is woken."""
        if step.at is None and (step.kind in ("expect", "rules") or not self._moved):
            self._moved = True
            return
        then = self.now + _TICK if step.at is None else step.at
        if then < self.now and self._moved:
            raise Refused(
                "case_impossible",
                step.place,
                f"time does not go back: it is {self.now:%Y-%m-%d %H:%M:%S} UTC here already",
                "put the steps in the order of their times",
            )
        self._moved = True
        self._pass(then)

    def _pass(self, then: datetime) -> None:
        """Time goes on as in a shop, where somebody looks whenever something is due, and not only at the end."""
        while self.state is not None and self.rules is not None:
            due = wake_at(self.state)
            if due is None or due > then:
                break
            self.now = max(self.now, due)
            self._keep(wake(self.state, self.rules, self._context(self._offset)))
        self.now = then

    def _happen(self, step: Step) -> None:
        if step.kind == "pin":
            check_pin(step, self.rules, self.now)
        emitted = None if self.state is None else self.state.emitted
        group = emitted.group if emitted is not None and emitted.group_known else None
        names = None if self.rules is None else self.rules.names
        published = self._shop.publish(step, self.now, group=group, names=names)
        self._offset += 1
        value = encode_event(
            published.data,
            type=published.type,
            id=f"{step.kind}:{self._offset}",
            store=STORE,
            subject=KEY,
            time=self.now,
            origin=step.origin,
            revision=published.revision,
        )
        self._deliver(value, step)
        if self._twice:
            self._offset += 1
            before = len(self.actions), len(self.effects)
            self._deliver(value, step)
            assert before == (len(self.actions), len(self.effects)), "a repeated event made actions"

    def _deliver(self, value: bytes, step: Step) -> None:
        context, pages = self._context(self._offset), Overlay(NO_PAGES, self._pages)
        try:
            self._keep(decide(self.state, decode_event(value), self.rules, context, pages=pages))
        except NotApplicable as refused:
            raise Refused("case_impossible", step.place, f"not taken: {refused}", "leave the step out") from refused

    def _activate(self, rules: CompiledRules | None) -> None:
        self.rules = rules
        self._version += rules is not None
        for _ in range(2 if self._twice else 1):
            if self.state is None or rules is None:
                return
            self._offset += 1
            context, pages = self._context(self._offset), Overlay(NO_PAGES, self._pages)
            self._keep(activate(self.state, rules, context, f"a{self._version}", pages=pages))

    def _context(self, offset: int) -> Context:
        return Context(generation=1, offset=offset, now=self.now, rules_version=self._version)

    def _keep(self, decision: Decision) -> None:
        self.state = decode_state(encode_state(decision.state))
        assert self.state == decision.state
        self._pages = {**self._pages, **decision.pages}
        self.actions += decision.actions
        self._seen += decision.trace.verdicts
        known = {effect.id for effect in self.effects}  # whose consumers never do one twice
        self.effects += (effect for effect in decision.effects if effect.id not in known)

    def _look(self, case: Case, step: Step) -> list[Failure]:
        found: Found = found_of(self.state, self.rules, self.effects[self._since :])
        names = None if self.rules is None else self.rules.names
        found["actions"] = [line for action in self.actions for line in said(action, names)]
        self._since = len(self.effects)
        seen, self._seen = self._seen, []
        expected, actual = differences(step.fields, found, self._shop.world)
        if not expected:
            return []
        told: tuple[str, ...] = ()
        if self.state is not None and self.rules is not None:
            pages = Overlay(NO_PAGES, self._pages)
            told = why(expected, actual, self.state, self.rules, now=self.now, pages=pages, seen=seen)
        return [Failure(case.name, step.place, expected, actual, told)]


def play_cases(
    cases: Iterable[Case], rules: CompiledRules | None, world: World, *, twice: bool = False
) -> list[Failure]:
    """What was not as expected in any of the cases. Raises `Refused`."""
    return [failure for case in cases for failure in Player(rules, world, twice=twice).play(case)]


def world_of(rule_set: RuleSet) -> World:
    """By what the values of its cases are read."""
    return World(rule_set.store.currency, ZoneInfo(rule_set.store.timezone))


def _compiled(step: Step) -> CompiledRules:
    loaded = load_texts([Source(file="the step's rules", text=step.fields["text"])])
    if loaded.rule_set is None:
        first = next(finding for finding in loaded.findings if finding.severity == "error")
        where = f"line {first.line} of these rules: {first.message}"
        raise Refused("case_impossible", step.place, where, first.hint)
    return compile_rules(loaded.rule_set)

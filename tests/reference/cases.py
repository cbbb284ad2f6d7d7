"""A case: rule sets and a history; both readings of it, and the smallest case that still shows where they part."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from traceback import format_exception
from typing import Any

from headrace.contracts.events import Event
from headrace.rules.load import Source, load_texts
from headrace.rules.model import RuleSet
from headrace.segmentation.compiled import CompiledRules, compile_rules
from headrace.segmentation.pages import LIMITS
from tests.reference.core import SMALL, Core
from tests.reference.making.conditions import Written
from tests.reference.making.history import Activated, Clock, History, Record
from tests.reference.making.rules import Rules
from tests.reference.reading import Reading

HISTORIES_PER_RULES = 8
"""To parse and compile rules takes longer than to live under them."""


@dataclass(frozen=True)
class Case:
    """`written`: the rule sets, in the order in which they take effect."""

    key: str
    written: tuple[str, ...]
    records: tuple[Record, ...]
    small: bool
    lazy: bool


@dataclass(frozen=True)
class Difference:
    """After which record, what of it, by the core and by the reference."""

    at: int
    what: str
    core: Any
    reference: Any


@lru_cache(maxsize=64)
def loaded(written: str) -> tuple[RuleSet, CompiledRules] | None:
    """None: the language refuses it."""
    rule_set = load_texts([Source("rules.yaml", written)]).rule_set
    return None if rule_set is None else (rule_set, compile_rules(rule_set))


@lru_cache(maxsize=4)
def rule_sets(seed: str) -> tuple[str, tuple[str, ...]]:
    """Zone and one to three rule sets of a store, each an edit of the one before."""
    random = Random(seed)
    rules, found = Rules(random), list[Written]()
    while not found:
        found = [one for one in [rules.first()] if loaded(json.dumps(one))]
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        edited = rules.edited(found[-1])
        found += [edited] if loaded(json.dumps(edited)) else []
    return found[0]["store"]["timezone"], tuple(map(json.dumps, found))


def case_of(seed: str, number: int) -> Case:
    """The case of this number; the same for the same seed."""
    zone, written = rule_sets(f"{seed}:{number // HISTORIES_PER_RULES}")
    random = Random(f"{seed}:{number}:history")
    history = History(random, zone=zone, rule_sets=len(written), sources=_sources(written[-1]))
    records = tuple(history.records())
    return Case(history.key, written, records, small=random.random() < 0.4, lazy=random.random() < 0.3)


def _sources(written: str) -> list[str]:
    """What effects may be sent of on purpose."""
    kinds = {"segments": "segment", "rules": "rule", "ladders": "ladder"}
    rules = json.loads(written)
    return [f"{kind}:{entry['id']}" for key, kind in kinds.items() for entry in rules.get(key, ())]


def first_difference(case: Case) -> Difference | None:
    """Plays a case to both; None: they agree after every record."""
    core, reading = Core(SMALL if case.small else LIMITS, case.lazy), Reading(case.key)
    for at, record in enumerate(case.records):
        try:
            _play(record, case, core, reading)
            if case.lazy and not isinstance(record, Event):
                if at + 1 < len(case.records):
                    continue
                core.catch_up()
            if (difference := _difference(at, core, reading)) is not None:
                return difference
        except Exception as error:  # a crash of either is a difference too
            return Difference(at, f"crash: {error!r}", "".join(format_exception(error)), None)
    return None


def _play(record: Record, case: Case, core: Core, reading: Reading) -> None:
    match record:
        case Clock(now=now):
            core.clock(now)
            reading.clock(now)
        case Activated(number=number, send_effects=named, take_over=taken):
            pair = loaded(case.written[number])
            assert pair is not None
            reading.activate(pair[0], send_effects=named, take_over=taken)
            core.activate(pair[1], send_effects=named, take_over=taken)
        case Event():
            core.event(record)
            reading.event(record)


def _difference(at: int, core: Core, reading: Reading) -> Difference | None:
    mine, theirs = core.answer(), reading.answer()
    for name in theirs:
        if core.lazy and name == "effects":
            continue  # what a late visit finds too old is not sent
        if mine[name] != theirs[name]:
            return Difference(at, name, mine[name], theirs[name])
    return None


# -- making a case smaller -------------------------------------------------------------------------------------------
def smallest(case: Case) -> Case:
    """A case as small as leaving things out makes it, that still differs."""
    found, tried = case, 0
    while tried < 5000:
        for smaller in _smaller(found):
            tried += 1
            if _differs(smaller):
                found = smaller
                break
        else:
            break
    return found


def _differs(case: Case) -> bool:
    if any(loaded(written) is None for written in case.written):
        return False
    return first_difference(case) is not None


def _smaller(case: Case) -> Iterator[Case]:
    records = case.records
    no_clocks = tuple(record for record in records if not isinstance(record, Clock))
    yield from [replace(case, records=no_clocks)] if len(no_clocks) < len(records) else []
    for number in range(isinstance(records[0], Clock), len(records)):
        yield replace(case, records=records[:number] + records[number + 1 :])
    for number, written in enumerate(case.written):
        for less in _less(json.loads(written)):
            yield replace(case, written=(*case.written[:number], json.dumps(less), *case.written[number + 1 :]))
    if case.small or case.lazy:
        yield replace(case, small=False, lazy=False)


def _less(node: Any) -> Iterator[Any]:
    """The same with one thing left out somewhere."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("all", "any") and isinstance(value, list):
                yield from value
            if key == "not":
                yield value
            yield {other: kept for other, kept in node.items() if other != key}
            for less in _less(value):
                yield node | {key: less}
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield [*node[:number], *node[number + 1 :]]
            for less in _less(value):
                yield [*node[:number], less, *node[number + 1 :]]


def told(case: Case, difference: Difference) -> str:
    """For people: what was written, what came, where the two part."""
    lines = [f"rules {number}: {written}" for number, written in enumerate(case.written)]
    for number, record in enumerate(case.records):
        shown: Any = record
        if isinstance(record, Event):
            shown = (
                record.envelope.headracerevision or record.envelope.id,
                record.envelope.headraceorigin,
                record.data,
            )
        lines.append(f"{'>>' if number == difference.at else '  '} {shown}")
    lines.append(f"key {case.key}, small pages {case.small}, lazy {case.lazy}")
    lines += [f"{difference.what}:", f"  core      {difference.core}", f"  reference {difference.reference}"]
    return "\n".join(lines)

"""Why a case did not end as expected: the entries concerned, test by test, and the effects that were withheld."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from headrace.contracts.money import format_money
from headrace.rules.dependencies import Entry, entries_of
from headrace.rules.model import AddAttribute, AddTag, AssignGroup, Ladder, Rung, Segment
from headrace.segmentation.compiled import CompiledRules
from headrace.segmentation.explain import explain
from headrace.segmentation.explaining.seen import ConditionSeen, EntrySeen
from headrace.segmentation.pages import Pages
from headrace.segmentation.state import State
from headrace.segmentation.verdicts import Verdict

Found = dict[str, Any]
MAX_LINES: Final = 20
_EFFECTS: Final = ("withheld", "waits")


def why(
    expected: Found,
    actual: Found,
    state: State,
    rules: CompiledRules,
    *,
    now: datetime,
    pages: Pages,
    seen: list[Verdict],
) -> tuple[str, ...]:
    """Lines for people. `expected` and `actual`: the parts that differ; `seen`: verdicts since the last look."""
    asked = _asked({**expected, **expected.get("not", {})}) | _asked(actual)
    ids = {entry.id for entry in entries_of(rules.rule_set) if asked & _gives(entry)}
    told = explain(state, rules, now=now, pages=pages, search=False).rules if ids else ()
    lines = [line for entry in told if entry.id in ids for line in _entry(entry)]
    if "effects" in actual:
        lines += dict.fromkeys(
            f"{each.source}: {each.outcome}: {each.reason}" for each in seen if each.outcome in _EFFECTS
        )
    return tuple(lines[:MAX_LINES])


def _asked(part: Found) -> set[tuple[str, str]]:
    """What it is about: ("group", "Gold"), ("segments", "vip"), ("attributes", "tier")."""
    found = {("group", part["group"])} if part.get("group") else set()
    for name in ("segments", "attributes", "tags", "lists", "rungs"):
        found |= {(name, str(each)) for each in part.get(name, ())}
    return found


def _gives(entry: Entry) -> set[tuple[str, str]]:
    if isinstance(entry, Segment):
        return {("segments", entry.id), *_given((entry,))}
    if isinstance(entry, Ladder):
        return {("rungs", entry.id), *_given(entry.rungs)}
    found: set[tuple[str, str]] = set()
    for action in entry.then:
        match action:
            case AssignGroup(group=group):
                found.add(("group", group))
            case AddAttribute(values=values):
                found |= {("attributes", name) for name in values}
            case AddTag(tags=tags):
                found |= {("lists" if tag.list else "tags", tag.platform) for tag in tags}
    return found


def _given(givers: Iterable[Segment | Rung]) -> Iterator[tuple[str, str]]:
    for giver in givers:
        if giver.group:
            yield "group", giver.group
        yield from (("attributes", name) for name in giver.attributes)
        yield from (("lists" if tag.list else "tags", tag.platform) for tag in giver.tags)


def _entry(entry: EntrySeen) -> Iterator[str]:
    if entry.kind == "ladder":
        yield f"ladder {entry.id}: {entry.text}"
    else:
        holds = {"rule": ("has not fired", "has fired"), "segment": ("not in it", "in it")}[entry.kind][entry.holds]
        yield f"{entry.kind} {entry.id}: {holds}"
    yield from (f"  {each.text}: {'yes' if each.holds else 'no'}, it is {_shown(each)}" for each in entry.conditions)


def _shown(condition: ConditionSeen) -> str:
    value = condition.value
    if value is None:
        return "unset"
    if isinstance(value, dict):
        return ", ".join(str(part) for part in _money(value).values())
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _money(value: Found) -> Found:
    if value.keys() == {"amount_minor", "currency"}:
        return {"": format_money(value["amount_minor"], value["currency"])}
    return value

"""Where the smallest change is looked for: in one entry, or in those that would give the customer another group.

How a change is tried is in `headrace.segmentation.smallest_change`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from headrace.rules.model import AssignGroup, Ladder, Rule, Segment
from headrace.segmentation.explaining.happenings import Subject
from headrace.segmentation.explaining.lens import Lens
from headrace.segmentation.explaining.seen import ChangeSeen
from headrace.segmentation.explaining.tree import Entry, entries_of, tests_of
from headrace.segmentation.group_claims import choose_group, wanted_group
from headrace.segmentation.smallest_change import Aim, Change, Search

_SOON: Final = timedelta(days=31)


def change_of_entry(subject: Subject, lens: Lens, entry: Entry) -> ChangeSeen | None:
    """Into an entry or, once in it, out of it; on a ladder up or, from its top, down. A rule that latched: None."""
    aim, to, leaving = _aim(subject, entry)
    change = Search(subject, lens).smallest(tests_of(entry), aim, leaving=leaving)
    return None if change is None else _seen(change, entry, to, leaving=leaving)


def change_of_group(subject: Subject, lens: Lens) -> ChangeSeen | None:
    """What keeps the group that time takes soon; else what leads to the next better one; else out of this one.

    None for a customer who is not ours to move.
    """
    group = wanted_group(subject.state, subject.rules)
    if group is None or subject.state.guest:
        return None
    search = Search(subject, lens)
    kept = _kept(subject, search, group)
    if kept is not None and subject.now is not None and kept.until is not None and kept.until - subject.now < _SOON:
        return kept
    return next(_better(subject, search, group), kept) or _left(subject, search, group)


def _kept(subject: Subject, search: Search, group: str) -> ChangeSeen | None:
    entry = _winner(subject)
    if entry is None:
        return None
    change = search.keeping(tests_of(entry), lambda one: wanted_group(one.state, one.rules) == group)
    return None if change is None else _seen(change, entry, group, kept=True)


def _better(subject: Subject, search: Search, group: str) -> Iterator[ChangeSeen]:
    """Groups above this one, the nearest first."""
    places = subject.rules.places
    place = places.get(group, len(places))
    for entry, wanted in sorted(_givers(subject), key=lambda one: -places.get(one[1], -1)):
        if wanted != group and places.get(wanted, place) <= place:
            aim = _group_is(wanted)
            change = search.smallest(tests_of(entry), aim, leaving=False)
            if change is not None:
                yield _seen(change, entry, wanted)


def _left(subject: Subject, search: Search, group: str) -> ChangeSeen | None:
    entry = _winner(subject)
    if entry is None:
        return None
    change = search.smallest(tests_of(entry), lambda one: wanted_group(one.state, one.rules) != group, leaving=True)
    return None if change is None else _seen(change, entry, group, leaving=True)


def _aim(subject: Subject, entry: Entry) -> tuple[Aim, str, bool]:
    """When the customer has moved, what they are then in or no longer in, and which of the two."""
    match entry:
        case Segment():
            inside = entry.id in subject.state.standing.segments
            return lambda one: (entry.id in one.state.standing.segments) is not inside, entry.id, inside
        case Rule():
            source, held = f"rule:{entry.id}", entry.id in subject.state.claims.latched
            return lambda one: source in one.fired and not held, entry.id, False
        case Ladder():
            rung = subject.state.standing.rungs.get(entry.id, 0)
            top = rung >= len(entry.rungs) - 1
            to = entry.rungs[rung if top else rung + 1].group or f"rung {rung + 1 + (not top)}"
            if top:
                return lambda one: one.state.standing.rungs.get(entry.id, 0) < rung, to, True
            return lambda one: one.state.standing.rungs.get(entry.id, 0) > rung, to, False


def _winner(subject: Subject) -> Entry | None:
    claim = choose_group(subject.state, subject.rules)
    name = None if claim is None else claim.source.partition(":")[2]
    return next((entry for entry in entries_of(subject.rules.rule_set) if entry.id == name), None)


def _givers(subject: Subject) -> Iterator[tuple[Entry, str]]:
    """Every entry that gives a group, with it."""
    for entry in entries_of(subject.rules.rule_set):
        match entry:
            case Segment(group=str(group)):
                yield entry, group
            case Rule(then=then):
                yield from ((entry, action.group) for action in then if isinstance(action, AssignGroup))
            case Ladder(rungs=rungs):
                yield from ((entry, rung.group) for rung in rungs if rung.group is not None)


def _group_is(wanted: str) -> Aim:
    return lambda one: wanted_group(one.state, one.rules) == wanted


def _seen(change: Change, entry: Entry, to: str, *, leaving: bool = False, kept: bool = False) -> ChangeSeen:
    kind = {Rule: "rule", Segment: "segment", Ladder: "ladder"}[type(entry)]
    return ChangeSeen(
        fact=change.fact,
        by=change.by,
        until=change.until,
        kind=change.kind,
        entry=f"{kind}:{entry.id}",
        to=to,
        moves="stays" if kept else "leaves" if leaving else "enters",
    )

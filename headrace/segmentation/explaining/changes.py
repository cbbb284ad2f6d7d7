"""Where the smallest change is looked for: in one entry, or in those that would give the customer another group.

How a change is tried is in `headrace.segmentation.smallest_change`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from headrace.rules.model import AssignGroup, Ladder, Rule, Segment
from headrace.segmentation.explaining.happenings import Subject
from headrace.segmentation.explaining.lens import Lens
from headrace.segmentation.explaining.seen import ChangeSeen, Moves
from headrace.segmentation.explaining.tree import Entry, entries_of, source_of, tests_of
from headrace.segmentation.group_claims import choose_group, group_claims, wanted_group
from headrace.segmentation.smallest_change import Aim, Change, Placed, Search

_SOON: Final = timedelta(days=31)


def change_of_entry(subject: Subject, lens: Lens, entry: Entry) -> ChangeSeen | None:
    """Into an entry or, once in it, out of it; on a ladder up or, from its top, down. A rule that latched: None."""
    aim, to, moves = _aim(subject, entry)
    change = Search(subject, lens).smallest(tests_of(entry), aim, leaving=moves == "leaves")
    return None if change is None else _seen(change, source_of(entry), to, moves)


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
    source, tests = _winner(subject)
    change = search.keeping(tests, _group_is(group))
    return None if change is None else _seen(change, source, group, "stays")


def _better(subject: Subject, search: Search, group: str) -> Iterator[ChangeSeen]:
    """Groups above this one, or beside it, the nearest first, of entries that do not claim them yet."""
    places = subject.rules.places
    place = places.get(group, len(places))
    claimed = {(claim.source, claim.group) for claim in group_claims(subject.state, subject.rules)}
    for entry, wanted in sorted(_givers(subject), key=lambda one: -places.get(one[1], -1)):
        new = wanted != group and (source_of(entry), wanted) not in claimed
        if new and places.get(wanted, place) <= place:
            change = search.smallest(tests_of(entry), _group_is(wanted), leaving=False)
            if change is not None:
                yield _seen(change, source_of(entry), wanted, "enters")


def _left(subject: Subject, search: Search, group: str) -> ChangeSeen | None:
    source, tests = _winner(subject)
    stays = _group_is(group)
    change = search.smallest(tests, lambda one: not stays(one), leaving=True)
    return None if change is None or not source else _seen(change, source, group, "leaves")


def _aim(subject: Subject, entry: Entry) -> tuple[Aim, str, Moves]:
    """When the customer has moved, what they are then in or no longer in, and which of the two."""
    match entry:
        case Segment():
            inside = entry.id in subject.state.standing.segments
            return (
                lambda one: (entry.id in one.state.standing.segments) is not inside,
                entry.id,
                ("leaves" if inside else "enters"),
            )
        case Rule():
            source, held = f"rule:{entry.id}", entry.id in subject.state.claims.latched
            return lambda one: source in one.fired and not held, entry.id, "enters"
        case Ladder():
            rung = subject.state.standing.rungs.get(entry.id, 0)
            top = rung >= len(entry.rungs) - 1
            to = entry.rungs[rung if top else rung + 1].group or f"rung {rung + 1 + (not top)}"
            if top:
                return lambda one: one.state.standing.rungs.get(entry.id, 0) < rung, to, "leaves"
            return lambda one: one.state.standing.rungs.get(entry.id, 0) > rung, to, "enters"


def _winner(subject: Subject) -> tuple[str, tuple[Placed, ...]]:
    """The source of the claim that wins, and what its entry asks; a pin asks nothing."""
    claim = choose_group(subject.state, subject.rules)
    source = "" if claim is None else claim.source
    entries = entries_of(subject.rules.rule_set)
    return source, next((tests_of(entry) for entry in entries if source_of(entry) == source), ())


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


def _seen(change: Change, source: str, to: str, moves: Moves) -> ChangeSeen:
    return ChangeSeen(
        fact=change.fact, by=change.by, until=change.until, kind=change.kind, entry=source, to=to, moves=moves
    )

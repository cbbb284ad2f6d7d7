"""What is asked when an action's time has come and is settled before: an `unless` that always holds then, or never.

What a segment's or rung's action waits for is taken back when the customer turns; so when it is due, the customer is
still in (or out), and what that implies holds. Only what follows from it for certain is told.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headrace.rules.catalogue import IN_SEGMENT, ON_RUNG
from headrace.rules.lint.looking import Entry, Looking, all_entries, every_test
from headrace.rules.lint.ranges import Number, Range, excludes_itself, number_of, range_of
from headrace.rules.model import Action, AllOf, AnyOf, Condition, Ladder, Leaf, Not, Rung, Segment


@dataclass(frozen=True, slots=True)
class Certain:
    """What holds when an action is due. `words`: why.

    `tests`: conditions that hold, or do not; `inside`: numbers that are set and lie in a range; `outside`: ranges in
    which a number does not lie, if it is set.
    """

    words: str
    tests: tuple[tuple[Condition, bool], ...] = ()
    inside: tuple[tuple[Number, Range], ...] = ()
    outside: tuple[tuple[Number, Range], ...] = ()


def check_waiting(looking: Looking) -> None:
    """Every action with `unless`, whatever it is of."""
    for entry in all_entries(looking.rule_set):
        for action, certain in _when_due(entry):
            if action.unless is not None:
                _judge(looking, entry, action.unless, certain)


def _judge(looking: Looking, entry: Entry, unless: Condition, certain: Certain) -> None:
    contradiction = excludes_itself(unless)
    at = contradiction or next((test for test, _ in every_test(unless)), None)
    answer = None if contradiction else settled(unless, certain)
    if contradiction:
        looking.say(
            "unless_idle",
            entry,
            "this unless calls nothing off: no customer can meet all its tests at once",
            "write any: in place of all:, mend the bounds, or remove unless",
            at=at,
        )
    elif answer is True:
        looking.say(
            "never_done",
            entry,
            f"this action is never done: {certain.words} when its time has come, and that meets its unless",
            "turn unless round with not:, or remove the action",
            at=at,
        )
    elif answer is False:
        looking.say(
            "unless_idle",
            entry,
            f"this unless calls nothing off: {certain.words} when its time has come, and that rules it out",
            "remove unless: what waits is called off without it when the customer turns",
            at=at,
        )


def _when_due(entry: Entry) -> Iterator[tuple[Action, Certain]]:
    match entry:
        case Segment():
            yield from ((action, in_segment(entry)) for action in entry.on_enter)
            yield from ((action, out_of_segment(entry)) for action in entry.on_exit)
        case Ladder():
            for rung, above in zip(entry.rungs, (*entry.rungs[1:], None), strict=True):
                yield from ((action, on_rung(entry, rung, above)) for action in rung.on_enter)
                yield from ((action, off_rung(entry, rung, above)) for action in rung.on_exit)
        case _:  # what a rule saw may be otherwise by then
            yield from ((action, Certain("")) for action in entry.then)


def in_segment(segment: Segment) -> Certain:
    parts = (segment.who, *(segment.who.of if isinstance(segment.who, AllOf) else ()))
    ranges: dict[Number, Range] = {}
    for number, found in _ranges(parts):
        ranges[number] = ranges.get(number, Range(None, None)).both(found)
    return Certain(
        f"the customer is still in {segment.id}",
        tests=(*((part, True) for part in parts), *_member(IN_SEGMENT, segment.id, holds=True)),
        inside=tuple(ranges.items()),
    )


def out_of_segment(segment: Segment) -> Certain:
    parts = (segment.who, *(segment.who.of if isinstance(segment.who, AnyOf) else ()))
    return Certain(
        f"the customer is still out of {segment.id}",
        tests=(*((part, False) for part in parts), *_member(IN_SEGMENT, segment.id, holds=False)),
        outside=tuple(_ranges(parts)),
    )


def on_rung(ladder: Ladder, rung: Rung, above: Rung | None) -> Certain:
    number, within = Number(ladder.by, ladder.window, ladder.only), _range(rung, above)
    follows = _follows(ladder)
    # An unset number stands where 0 does: it is surely set only above that.
    is_set = within.low is not None and within.low > 0
    names = (f"{ladder.id}/{rung.group}", rung.group) if rung.group else ()
    return Certain(
        f"the customer is still on {_called(ladder, rung)}",
        tests=tuple(test for name in names for test in _member(ON_RUNG, name, holds=True)),
        inside=((number, within),) if follows and is_set else (),
        outside=tuple((number, other) for other in _others(within)) if follows else (),
    )


def off_rung(ladder: Ladder, rung: Rung, above: Rung | None) -> Certain:
    alone = sum(other.group == rung.group for other in ladder.rungs) == 1
    return Certain(
        f"the customer is not back on {_called(ladder, rung)}",
        tests=_member(ON_RUNG, f"{ladder.id}/{rung.group}", holds=False) if rung.group and alone else (),
        outside=((Number(ladder.by, ladder.window, ladder.only), _range(rung, above)),) if _follows(ladder) else (),
    )


def _follows(ladder: Ladder) -> bool:
    """Whether the rung is always that of the number."""
    return ladder.grace is None and ladder.demote == "direct"


def _called(ladder: Ladder, rung: Rung) -> str:
    return f"rung {rung.group}" if rung.group else f"that rung of {ladder.id}"


def _member(field: str, name: str, *, holds: bool) -> tuple[tuple[Condition, bool], ...]:
    return (
        (Leaf(field=field, operator="is", operand=name), holds),
        (Leaf(field=field, operator="is_not", operand=name), not holds),
    )


def _ranges(conditions: Iterable[Condition]) -> Iterator[tuple[Number, Range]]:
    for condition in conditions:
        if isinstance(condition, Leaf) and (found := range_of(condition)) is not None:
            yield number_of(condition), found


def _range(rung: Rung, above: Rung | None) -> Range:
    low = None if rung.bound == "start" else rung.threshold + (rung.bound == "above")
    high = None if above is None else above.threshold + (above.bound == "above")
    return Range(low, high)


def _others(within: Range) -> Iterator[Range]:
    if within.low is not None:
        yield Range(None, within.low)
    if within.high is not None:
        yield Range(within.high, None)


def settled(condition: Condition, certain: Certain) -> bool | None:
    """Whether it holds when the action is due; None where that is not certain."""
    for test, holds in certain.tests:
        if test == condition:
            return holds
    match condition:
        case AllOf(of=of):
            parts = [settled(part, certain) for part in of]
            return False if False in parts else None if None in parts else True
        case AnyOf(of=of):
            parts = [settled(part, certain) for part in of]
            return True if True in parts else None if None in parts else False
        case Not(of=part):
            inner = settled(part, certain)
            return None if inner is None else not inner
        case Leaf():
            return _number(condition, certain)
        case _:
            return None


def _number(leaf: Leaf, certain: Certain) -> bool | None:
    asked = range_of(leaf)
    if asked is None:
        return None
    number = number_of(leaf)
    for known, found in certain.inside:
        if known == number and not found.empty:
            if found.within(asked):
                return True
            if found.both(asked).empty:
                return False
    ruled_out = any(known == number and asked.within(found) for known, found in certain.outside)
    return False if ruled_out else None

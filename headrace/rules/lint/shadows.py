"""Claims of a group that can never win: whoever makes them is always in another entry that ranks higher."""

from headrace.rules.lint.looking import Looking
from headrace.rules.lint.ranges import tested
from headrace.rules.model import Segment


def check_shadows(looking: Looking) -> None:
    """Segments only: a rule's claim outlasts its condition, so another may win later."""
    places = {name: at for at, equals in enumerate(looking.rule_set.group_order) for name in equals}
    claiming = [segment for segment in looking.rule_set.segments if segment.group in places]
    for segment in claiming:
        over = next((other for other in claiming if _hides(other, segment, places)), None)
        if over is not None:
            looking.say(
                "shadowed",
                segment,
                f"{segment.group} is never won here: everybody in {segment.id} is in {over.id} too, and {over.group} "
                "stands higher in group_order",
                f"move {segment.group} above {over.group} in group_order, or narrow {over.id}",
            )


def _hides(other: Segment, segment: Segment, places: dict[str, int]) -> bool:
    assert segment.group is not None
    assert other.group is not None
    if other is segment or places[other.group] >= places[segment.group]:
        return False
    if other.who == segment.who:
        return True
    wide, narrow = tested(other.who), tested(segment.who)
    return (
        wide is not None
        and narrow is not None
        and wide.number == narrow.number
        and not narrow.range.empty
        and narrow.range.within(wide.range)
    )

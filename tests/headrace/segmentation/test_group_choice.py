"""Laws of the group choice."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.segmentation.group_choice import GroupClaim, leading, managed, places_of, winner
from headrace.segmentation.state import Emitted

ORDER = (("Wholesale",), ("Gold", "Apple"), ("Silver",))
PLACES = places_of(ORDER)
START = datetime(2026, 1, 1, tzinfo=UTC)

claims = st.lists(
    st.builds(
        GroupClaim,
        group=st.sampled_from(["Wholesale", "Gold", "Apple", "Silver", "Elsewhere"]),
        source=st.sampled_from([f"rule:{name}" for name in "abcdef"]),
    ),
    max_size=6,
    unique_by=lambda claim: claim.source,
)
ages = st.dictionaries(st.sampled_from([f"rule:{name}" for name in "abcdef"]), st.integers(0, 3))


def choose(
    found: Iterable[GroupClaim], places: dict[str, int], fact_at: Callable[[GroupClaim], datetime]
) -> GroupClaim | None:
    return winner(leading(found, places), fact_at)


@given(claims, claims)
def test_leading__of_some_and_of_who_leads_the_others__leads_all(
    some: list[GroupClaim], others: list[GroupClaim]
) -> None:
    assert leading([*some, *leading(others, PLACES).claims], PLACES) == leading([*some, *others], PLACES)


@given(claims, ages, st.randoms(use_true_random=False))
def test_choose__any_permutation__same_winner(found: list[GroupClaim], days: dict[str, int], random: object) -> None:
    def fact_at(claim: GroupClaim) -> datetime:
        return START + timedelta(days=days.get(claim.source, 0))

    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    assert choose(found, PLACES, fact_at) == choose(shuffled, PLACES, fact_at)
    assert choose([*found, *found], PLACES, fact_at) == choose(found, PLACES, fact_at)


@given(claims)
def test_choose__winner__is_claimed_in_the_list_and_none_is_better(found: list[GroupClaim]) -> None:
    winner = choose(found, PLACES, lambda _: START)
    eligible = [claim for claim in found if claim.group in PLACES]
    if winner is None:
        assert not eligible
    else:
        assert winner in eligible
        assert PLACES[winner.group] == min(PLACES[claim.group] for claim in eligible)


@given(claims, st.data())
def test_choose__a_loser_taken_away__same_winner(found: list[GroupClaim], data: st.DataObject) -> None:
    winner = choose(found, PLACES, lambda _: START)
    losers = [claim for claim in found if claim != winner]
    if losers:
        gone = data.draw(st.sampled_from(losers))
        assert choose([claim for claim in found if claim != gone], PLACES, lambda _: START) == winner


def test_choose__equals__newest_fact_then_first_source() -> None:
    gold, apple = GroupClaim("Gold", "rule:b"), GroupClaim("Apple", "rule:a")
    newer = {"rule:b": START + timedelta(1), "rule:a": START}
    assert choose([apple, gold], PLACES, lambda claim: newer[claim.source]) == gold
    assert choose([gold, apple], PLACES, lambda _: START) == apple


@pytest.mark.parametrize(
    ("observed", "ours", "expected"),
    [
        ("", (), True),
        ("Retail", (), True),
        ("Gold", (), True),
        ("Press", (), False),
        ("Press", ("Press",), True),
        (None, (), False),
    ],
)
def test_managed__observed_group__ours_or_not(observed: str | None, ours: tuple[str, ...], expected: bool) -> None:
    assert managed(observed, frozenset({"Gold"}), "Retail", Emitted(ours=ours)) is expected

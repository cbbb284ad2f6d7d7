"""Channels: of an order, of a customer, and their shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Leaf, Operand
from headrace.segmentation.compiled import summing_of
from headrace.segmentation.conditions import channels
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import Facts
from headrace.segmentation.orders import sum_up
from headrace.segmentation.pages import NO_PAGES
from tests.headrace.segmentation.orders_made import SPEND, ledger_of, made

NAMES = {"online": (1, 3), "in_store": (2,)}


def leaf(field: str, operator: str, operand: Operand = None) -> Leaf:
    return Leaf(field=field, operator=operator, operand=operand)


@pytest.mark.parametrize(
    ("operator", "operand", "channel", "expected"),
    [
        ("is", "online", 1, True),
        ("is", "online", 3, True),
        ("is", "online", 2, False),
        ("is", "online", None, False),
        ("is", "7", 7, True),
        ("is_not", "online", 3, False),
        ("is_not", "online", None, True),
        ("in", ("online", "7"), 7, True),
        ("not_in", ("online", "7"), 2, True),
        ("is_set", None, 1, True),
        ("is_unset", None, None, True),
    ],
)
def test_compile_test__channel_of_an_order__by_name_or_id(
    operator: str, operand: Operand, channel: int | None, expected: bool
) -> None:
    assert channels.compile_test(leaf("order.channel", operator, operand), NAMES)(channel) is expected


@pytest.mark.parametrize("one", [leaf("order.channel", "above", "online"), leaf("order.channel", "is", "nowhere")])
def test_compile_test__another_releases_leaf__is_refused(one: Leaf) -> None:
    with pytest.raises(ValueError, match="operator|invalid"):
        channels.compile_test(one, NAMES)


def facts(terms: Terms, *ids: int | None) -> Facts:
    """Of a customer whose counted orders came through these channels."""
    state = ledger_of(made(str(number), channel=channel) for number, channel in enumerate(ids))
    return Facts(sum_up(state, summing_of(SPEND, terms), NO_PAGES, None), terms.spend)


@pytest.mark.parametrize(
    ("operator", "operand", "ids", "expected"),
    [
        ("has_any", ("online",), (2, 3), True),
        ("has_any", ("online",), (2, 2), False),
        ("has_any", ("online",), (), False),
        ("has_all", ("online", "in_store"), (1, 2), True),
        ("has_all", ("online", "in_store"), (1, 3), False),
        ("has_none", ("in_store",), (1, None), True),
        ("has_none", ("in_store",), (), True),
        ("has_none", ("in_store", "7"), (1, 7), False),
    ],
)
def test_compile_of_customer__channels_of_the_orders__as_a_set(
    operator: str, operand: Operand, ids: tuple[int | None, ...], expected: bool
) -> None:
    terms = Terms("GBP", channels=NAMES)
    test = channels.compile_of_customer(leaf("customer.channels", operator, operand), terms)
    assert test(facts(terms, *ids)) is expected


@pytest.mark.parametrize(
    ("ids", "share"), [((), None), ((1,), 100), ((1, 2, 3), 66), ((2, None, 7), 0), ((1, 3, 3, 3, 2), 80)]
)
def test_compile_share__orders_through_a_channel__whole_percent_rounded_down(
    ids: tuple[int | None, ...], share: int | None
) -> None:
    terms = Terms("GBP", channels=NAMES)
    read = channels.compile_share("customer.channel_share.online", terms)
    assert read(facts(terms, *ids)) == share


@given(st.lists(st.sampled_from([1, 2, 3, 7, None]), min_size=1, max_size=12))
def test_compile_share__any_orders__shares_add_up_to_no_more_than_all(ids: list[int | None]) -> None:
    terms = Terms("GBP", channels=NAMES)
    shares = [channels.compile_share(f"customer.channel_share.{name}", terms) for name in ("online", "in_store", "7")]
    found = [read(facts(terms, *ids)) for read in shares]
    assert all(share is not None and 0 <= share <= 100 for share in found)
    assert sum(share or 0 for share in found) <= 100


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (leaf("order.channel", "is", "online"), "order.channel is online"),
        (leaf("order.channel", "not_in", ("online", "7")), "order.channel not in online, 7"),
        (leaf("order.channel", "is_set"), "order.channel is set"),
        (leaf("customer.channels", "has_any", ("online", "7")), "customer.channels has any of online, 7"),
        (leaf("customer.channel_share.online", "above", 80), "customer.channel_share.online above 80"),
    ],
)
def test_explain__channels__by_the_names_that_were_written(one: Leaf, said: str) -> None:
    assert channels.explain(one) == said

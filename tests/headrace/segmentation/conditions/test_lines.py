"""What several conditions ask of lines comes to the same together as one by one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import AllOf, AnyOf, Condition, Leaf, Not, Spend
from headrace.segmentation.conditions import lines
from headrace.segmentation.conditions.line_counts import counts_of
from headrace.segmentation.conditions.lists import Counted
from headrace.segmentation.ledger import counted_spend
from headrace.segmentation.state import Line
from headrace.segmentation.totals import Summing

WORDS = st.sampled_from(["apple", "pear", "Äpfel"])
texts = st.builds(
    Leaf,
    field=st.sampled_from(["name", "brand", "sku", "category"]),
    operator=st.sampled_from(["is", "is_not", "contains", "starts_with"]),
    operand=st.sampled_from(["apple", "pear", "apfel", "p"]),
)
numbers = st.builds(Leaf, field=st.just("quantity"), operator=st.just("above"), operand=st.integers(0, 2))
conditions: st.SearchStrategy[Condition] = st.recursive(
    texts | numbers,
    lambda parts: (
        st.tuples(parts, parts).map(lambda of: AllOf(of=of))
        | st.tuples(parts, parts).map(lambda of: AnyOf(of=of))
        | parts.map(lambda part: Not(of=part))
    ),
    max_leaves=3,
)
ordered = st.builds(
    Line,
    id=st.just("1"),
    product_id=st.just("7"),
    quantity=st.integers(1, 3),
    price=st.just(1),
    total=st.just(1),
    name=WORDS,
    sku=st.sampled_from(["", "p-1"]),
    brand=st.sampled_from(["", "Apple"]),
    categories=st.lists(WORDS, max_size=2).map(tuple),
)


@given(st.lists(conditions, max_size=5), st.lists(ordered, max_size=4).map(tuple))
def test_counts_of__any_conditions__as_each_counts_alone(several: list[Condition], bought: tuple[Line, ...]) -> None:
    counted = Counted[Line]()
    for condition in several:
        counted.number(condition, lines.count(condition))
    alone = [test(bought) for test in counted.tests]
    summing = Summing(counted_spend(Spend()), tuple(counted.tests), counts=counts_of(counted))
    assert summing.of_lines(bought) == alone
    assert summing.of_lines(bought) == alone  # and as remembered


def test_counts_of__few_conditions__are_asked_one_after_the_other() -> None:
    counted = Counted[Line]()
    for number, brand in enumerate("abc"):
        assert counts_of(counted) is None, number
        condition = Leaf(field="brand", operator="is", operand=brand)
        counted.number(condition, lines.count(condition))
    assert counts_of(counted) is not None


def test_remembered__more_than_it_keeps__begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_REMEMBERED", 2)
    remembered = lines.Remembered[bool](lambda value: value == "a")
    assert [remembered[value] for value in "abcab"] == [True, False, False, True, False]
    assert len(remembered) <= 2

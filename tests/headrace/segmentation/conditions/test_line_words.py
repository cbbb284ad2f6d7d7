"""One look over many texts never says that none can meet a test that one of them meets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Leaf, Operand, fold
from headrace.segmentation.conditions import line_words, text

texts = st.lists(st.text(st.sampled_from("aB äÄßﬁ\u0301\u0308\u00a8İ\t-1"), max_size=6), max_size=4)


def of_name(operator: str, operand: Operand = None) -> Leaf:
    return Leaf(field="name", operator=operator, operand=operand)


operands = st.text(st.sampled_from("ab fis1-"), max_size=4)
leaves = st.builds(
    Leaf,
    field=st.just("name"),
    operator=st.sampled_from(["is", "contains", "starts_with", "ends_with"]),
    operand=operands,
) | st.builds(Leaf, field=st.just("name"), operator=st.just("in"), operand=st.lists(operands, max_size=3).map(tuple))


@given(st.lists(leaves, min_size=1, max_size=3), texts)
def test_can_meet__one_text_meets_a_leaf__says_so(several: list[Leaf], names: list[str]) -> None:
    can_meet = line_words.can_meet(several)
    meets = any(text.evaluate(fold(name) or None, leaf) for leaf in several for name in names)
    assert can_meet is None or can_meet(names) or not meets


@given(st.lists(st.text(st.sampled_from("ab1fis"), min_size=1, max_size=3), max_size=3).map(tuple), texts)
def test_has_one_of__any_texts__as_each_folded_by_itself(words: tuple[str, ...], names: list[str]) -> None:
    assert line_words.has_one_of(words)(names) == any(word in fold(name) for word in words for name in names)


@pytest.mark.parametrize(
    "leaf",
    [
        of_name("matches", "a.c"),
        of_name("is_set"),
        of_name("is_not", "apple"),
        of_name("contains", ""),
        of_name("in", tuple(f"word{number}" for number in range(40))),
    ],
)
def test_can_meet__test_without_few_words__is_not_told(leaf: Leaf) -> None:
    assert line_words.can_meet([of_name("is", "apple"), leaf]) is None


def test_can_meet__no_text_has_a_word__false() -> None:
    can_meet = line_words.can_meet([of_name("contains", "red iphone"), of_name("in", ("pear", "plum tree"))])
    assert can_meet is not None
    assert [can_meet([one]) for one in ("iPad", "IPHONE 12", "Pear", "a tree", "")] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert not can_meet([])

"""The texts of the mirror: laws of writing and reading, and what a theme finds in them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.attributes.encoding import decode_list, decode_values, encode_list, encode_values

TRICKY = st.text(st.sampled_from(";=%3BD25ab"), max_size=8)
TEXTS = TRICKY | st.text(max_size=12)
VALUES = st.dictionaries(TEXTS, st.lists(TEXTS, min_size=1, max_size=4), max_size=4)


def plain(values: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(sorted(set(several))) for name, several in sorted(values.items())}


@given(VALUES)
def test_encode_values__decoded__is_what_was_encoded(values: dict[str, list[str]]) -> None:
    assert decode_values(encode_values(values)) == plain(values)


@given(st.lists(TEXTS, max_size=6))
def test_encode_list__decoded__is_what_was_encoded(values: list[str]) -> None:
    assert decode_list(encode_list(values)) == tuple(sorted(set(values)))


@given(VALUES, st.randoms(use_true_random=False))
def test_encode__other_order_and_repeats__same_text(values: dict[str, list[str]], random: Random) -> None:
    names = list(values)
    random.shuffle(names)
    mixed = {name: random.sample([*values[name], *values[name]], 2 * len(values[name])) for name in names}
    assert encode_values(mixed) == encode_values(values)
    for name in names:
        assert encode_list(mixed[name]) == encode_list(values[name])


@given(st.lists(TEXTS, max_size=6))
def test_encode_list__each_value__stands_between_semicolons_and_nothing_else_does(values: list[str]) -> None:
    text = encode_list(values)
    assert all(encode_list([value]) in text for value in values)
    assert text.count(";") == (len(set(values)) + 1 if values else 0)


def test_encode_values__sorted_tokens_between_semicolons() -> None:
    values = {"interests": ["pear", "apple"], "country": ["United Kingdom"]}
    assert encode_values(values) == ";country=United Kingdom;interests=apple;interests=pear;"
    assert encode_values({}) == encode_values({"country": []}) == ""
    assert encode_values({"a": ["b;c"]}) == ";a=b%3Bc;"
    assert encode_values({"a=b": ["c=d"]}) == ";a%3Db=c=d;"


@pytest.mark.parametrize(
    ("values", "text"),
    [((), ""), (("b", "a", "b"), ";a;b;"), (("50%",), ";50%;"), (("a%3Bb",), ";a%253Bb;"), (("a;b",), ";a%3Bb;")],
)
def test_encode_list__examples(values: tuple[str, ...], text: str) -> None:
    assert encode_list(values) == text


@pytest.mark.parametrize("text", ["", ";", "x", ";;;", "no semicolons=here", ";a=%3;", "a;b"])
def test_decode__texts_of_others__no_error(text: str) -> None:
    decode_list(text)
    decode_values(text)

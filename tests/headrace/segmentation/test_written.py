"""Functions that know their expression come to the same called, and written within another."""

from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest

from headrace.segmentation.written import expression, written

FACTS: Any = SimpleNamespace(totals=SimpleNamespace(spend=7, orders=2), numbers=(3, 4))
NUMBER = written("facts.numbers[{place}]", place=1)


@pytest.mark.parametrize(
    ("function", "said", "found"),
    [
        (NUMBER, "(facts.numbers[1])", 4),
        (attrgetter("totals.spend"), "facts.totals.spend", 7),
        (attrgetter("totals.spend", "totals.orders"), "c0(facts)", (7, 2)),
        (len, "c0(facts)", None),
        (written("{test}({read}(facts))", test=abs, read=NUMBER), "(c0((facts.numbers[1])))", 4),
        (written("{test}({read}(facts))", test=abs, read=attrgetter("totals.spend")), "(c0(facts.totals.spend))", 7),
    ],
)
def test_expression__of_a_function__is_what_it_comes_to(function: Any, said: str, found: Any) -> None:
    named: list[object] = []

    def name_of(value: object) -> str:
        named.append(value)
        return f"c{len(named) - 1}"

    assert expression(function, name_of) == said
    if found is not None:
        assert function(FACTS) == found
        values = {f"c{number}": value for number, value in enumerate(named)}
        assert eval(said, {"facts": FACTS, **values}) == found  # noqa: S307  # what the table above says

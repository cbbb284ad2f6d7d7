"""Coupons without HTTP: whatever is made, changed and deleted, no code and no name is there twice."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headrace.simulators.coupons import SINK, Coupons, Taken
from headrace.simulators.effects import Effects

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from(["one", "two", "three"])
CODES = st.sampled_from(["HR-A", "hr-a", "HR-B", "HR-C"])
STEPS = st.one_of(
    st.tuples(st.just("create"), NAMES, CODES, st.just(0)),
    st.tuples(st.just("change"), NAMES, CODES, st.integers(1, 6)),
    st.tuples(st.just("delete"), NAMES, CODES, st.integers(1, 6)),
)


def step(coupons: Coupons, what: str, fields: dict[str, Any], number: int) -> None:
    row = coupons.rows.get(number)
    if what == "create":
        coupons.create({"type": "per_total_discount", "amount": 50_000, **fields})
    elif what == "change" and row is not None:
        coupons.change(row, fields)
    elif what == "delete":
        assert coupons.delete(number) is (row is not None)


@given(st.lists(STEPS, max_size=25))
def test_coupons__after_any_history__codes_and_names_are_unique_and_found(history: list[Any]) -> None:
    coupons, made = Coupons(lambda: NOW, Effects()), 0
    for what, name, code, number in history:
        before = dict(coupons.rows)
        others = [row for row in before.values() if what == "create" or row.id != number]
        taken = any(row.name == name or row.code.lower() == code.lower() for row in others)
        try:
            step(coupons, what, {"name": name, "code": code}, number)
            made += what == "create"
            assert not taken or what == "delete" or number not in {0, *before}
        except Taken:
            assert taken
            assert coupons.rows == before
    rows = coupons.rows.values()
    assert len({row.code.lower() for row in rows}) == len({row.name for row in rows}) == len(rows)
    assert all(coupons.of_code(row.code.swapcase()) == row for row in rows)
    assert sum(kept.count for kept in coupons.effects.of(SINK)) == made

"""The quick way to a number's next change and the way bucket by bucket say the same."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.rules.model import Duration, Window
from headrace.segmentation.conditions.spans import compile_span
from headrace.segmentation.state import Series

START = datetime(2026, 1, 1, tzinfo=UTC)
BUCKETS = st.dictionaries(st.integers(0, 60), st.integers(-3, 9).filter(bool), max_size=12)
SPANS = st.sampled_from(
    [Duration(count=30, unit="day"), Duration(count=1, unit="month"), Duration(count=99, unit="hour")]
)


@pytest.mark.parametrize("bounds", [(1,), (2, 5), (1, 3, 10), (0, 2), (-1, 4), ()])
@given(buckets=BUCKETS, span=SPANS, days=st.none() | st.integers(0, 120))
def test_falling__buckets_that_left_are_still_kept__as_bucket_by_bucket(
    bounds: tuple[int, ...], buckets: dict[int, int], span: Duration, days: int | None
) -> None:
    """`bounds`: of the rungs of a ladder."""
    compiled = compile_span(Window(span=span), "Europe/London")
    assert compiled.later is not None
    assert compiled.falling is not None
    at = tuple(int((START + timedelta(days=day)).timestamp()) for day in sorted(buckets))
    series = Series(at, tuple(buckets[day] for day in sorted(buckets)))
    now = None if days is None else START + timedelta(days=days)

    def judged(value: int | None) -> int:
        return bisect_right(bounds, value or 0)

    held = judged(compiled.value(series, now))
    expected = next((moment for moment, value in compiled.later(series, now) if judged(value) != held), None)
    assert compiled.falling(series, now, bounds) == expected

"""Spans of order ids: as few calls as the ids allow."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.reader import next_span, spans_of


@given(st.sets(st.integers(1, 5000)), st.integers(1, 400))
def test_spans_of__any_ids__each_covered_once_by_spans_within_the_width(ids: set[int], width: int) -> None:
    spans = list(spans_of(ids, width))
    assert all(high - low < width for low, high in spans)
    assert all(low in ids and high in ids for low, high in spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(spans))
    assert all(any(low <= each <= high for low, high in spans) for each in ids)


def test_spans_of__dense_ids__one_call_a_page() -> None:
    assert list(spans_of(range(1000, 1500), 250)) == [(1000, 1249), (1250, 1499)]


def test_next_span__sparse_ids__wider_dense_ones__back_to_a_page() -> None:
    assert next_span(250, calls=4, rows=20) == 500
    assert next_span(500, calls=1, rows=20) == 500
    assert next_span(500, calls=1, rows=240) == 250
    assert next_span(250, calls=1, rows=250) == 250

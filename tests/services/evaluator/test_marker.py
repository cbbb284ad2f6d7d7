"""The partition's marker: clocks, activations, what is pending for whom, bytes."""

from datetime import UTC, datetime, timedelta

import pytest

from services.evaluator.marker import Activation, Marker, decode_marker, encode_marker

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def activated(version: int, offset: int, store: str = "s") -> Activation:
    return Activation(store, version, offset, f"a{version}", NOW)


def test_marker__bytes__read_back() -> None:
    marker = Marker().with_clock("s", NOW).with_activation(activated(1, 5))
    assert decode_marker(encode_marker(marker)) == marker
    assert decode_marker(b"") == Marker()


def test_decode_marker__of_a_newer_release__refused() -> None:
    with pytest.raises(ValueError, match="schema 9"):
        decode_marker(b"\x09whatever")


def test_with_clock__older_or_equal__itself() -> None:
    marker = Marker().with_clock("s", NOW)
    assert marker.with_clock("s", NOW) is marker
    assert marker.with_clock("s", NOW - timedelta(seconds=1)) is marker
    assert marker.with_clock("t", NOW).clocks == {"s": NOW, "t": NOW}


def test_pending__mark__those_after_it_of_the_store_in_order() -> None:
    marker = Marker((activated(1, 5), activated(1, 6, "other"), activated(2, 9)))
    assert [found.version for found in marker.pending("s", 4)] == [1, 2]
    assert [found.version for found in marker.pending("s", 5)] == [2]
    assert marker.pending("s", 9) == ()


def test_swept__offset__keeps_newer_ones_and_each_stores_last() -> None:
    marker = Marker((activated(1, 5), activated(1, 6, "other"), activated(2, 9), activated(3, 12)))
    assert marker.swept(9).activations == (activated(1, 6, "other"), activated(3, 12))
    assert marker.swept(9).last("s") == activated(3, 12)
    swept = marker.swept(12)
    assert swept.swept(12) is swept

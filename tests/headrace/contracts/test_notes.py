"""What stands beside a committed offset: short, and read back whatever else may stand there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.notes import MAX_NOTE_BYTES, Note, decode_note, encode_note

stores = st.text("abcdefghij0123456789", min_size=1, max_size=40)
notes = st.builds(
    Note, st.dictionaries(stores, st.integers(1, 10_000), max_size=12), st.integers(0, 2**40), st.integers(0, 2**40)
)


@given(notes)
def test_note__any__is_short_and_keeps_at_least_the_sweep(note: Note) -> None:
    text = encode_note(note)
    assert len(text.encode()) <= MAX_NOTE_BYTES
    read = decode_note(text + "\0")
    assert read is not None
    assert (read.swept, read.customers) == (note.swept, note.customers)
    assert read.rules in ({}, note.rules)


def test_note__few_stores__all_of_it() -> None:
    note = Note({"abc123": 7, "def456": 12}, 5_000, 9_000)
    assert decode_note(encode_note(note)) == note


@pytest.mark.parametrize("text", [None, "", "\0", "somebody's own", "[1]"])
def test_decode_note__no_note_of_ours__none(text: str | None) -> None:
    assert decode_note(text) is None

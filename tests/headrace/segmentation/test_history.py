"""The membership history: what is a change, and that none is lost when pages are turned."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from headrace.segmentation import pages as paging
from headrace.segmentation.codec import StateUnreadable
from headrace.segmentation.compiled import Renames
from headrace.segmentation.history import (
    Change,
    Memberships,
    changes,
    memberships_before,
    read_history,
    remember,
)
from headrace.segmentation.pages import NO_PAGES, Limits, Overlay
from headrace.segmentation.state import Claims, Latch, Standing, State

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATCH = Latch(NOW, 1, "Gold")
NOBODY = Memberships(Standing(), Claims(), None)
SOMEBODY = Memberships(Standing(("vip",), {"loyalty": 1}), Claims({"apple": LATCH}), "Gold")


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LIMITS", Limits(changes=6, changes_a_page=2))


def change(number: int) -> Change:
    return Change(NOW, "segment", f"s{number}", number % 2 == 0, f"event:{number}", number)


def told(before: Memberships, after: Memberships) -> list[tuple[str, str, bool]]:
    found = changes(before, after, NOW, "event:1", 7)
    assert all((one.at, one.cause, one.offset) == (NOW, "event:1", 7) for one in found)
    return [(one.kind, one.name, one.entered) for one in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NOBODY, NOBODY, []),
        (
            NOBODY,
            SOMEBODY,
            [("segment", "vip", True), ("rung", "loyalty:2", True), ("claim", "apple", True), ("group", "Gold", True)],
        ),
        (
            SOMEBODY,
            NOBODY,
            [
                ("segment", "vip", False),
                ("rung", "loyalty:2", False),
                ("claim", "apple", False),
                ("group", "Gold", False),
            ],
        ),
        (
            SOMEBODY,
            replace(SOMEBODY, standing=Standing(("vip",), {"loyalty": 0}), group=""),
            [("rung", "loyalty:1", True), ("group", "", True)],
        ),
    ],
)
def test_changes__memberships_differ__each_is_told_once(
    before: Memberships, after: Memberships, expected: list[tuple[str, str, bool]]
) -> None:
    assert told(before, after) == expected


def test_memberships_before__entries_renamed__is_no_change() -> None:
    state = State("s:1", standing=Standing(("old",), {"steps": 1}), claims=Claims({"pear": LATCH}))
    renames = Renames({"pear": "apple"}, {"old": "vip"}, {"steps": "loyalty"})
    assert told(memberships_before(state, renames), replace(SOMEBODY, group=None)) == []


@given(st.lists(st.integers(0, 20), max_size=8))
def test_remember__any_number_at_a_time__all_are_read_back_in_order(sizes: list[int]) -> None:
    state, written, told = State("s:1"), dict[str, bytes | None](), list[Change]()
    for size in sizes:
        new = [change(len(told) + number) for number in range(size)]
        told += new
        state, pages = remember(state, new)
        assert not written.keys() & pages.keys()
        written |= pages
        assert len(list(read_history(State("s:1", history=state.history), NO_PAGES))) < 6
    assert list(read_history(state, Overlay(NO_PAGES, written))) == told


def test_remember__nothing_new__same_state() -> None:
    state = State("s:1")
    assert remember(state, ())[0] is state


def test_read_history__page_missing_or_bytes_damaged__is_unreadable() -> None:
    with pytest.raises(StateUnreadable):
        list(read_history(State("s:1", history_pages=1), NO_PAGES))
    with pytest.raises(StateUnreadable):
        list(read_history(State("s:1", history=b"\x00\x02\x90"), NO_PAGES))

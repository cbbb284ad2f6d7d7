"""Which customers of a partition are to be looked at: by store, late ones first, moved and repeated entries cleaned."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from services.evaluator import due as due_module
from services.evaluator.due import NO_CLOCK, Due


class Shelf:
    """Customers with the time each wakes, and the stores' clocks, as the shell keeps them."""

    def __init__(self) -> None:
        self.wakes: dict[bytes, int] = {}
        self.clocks: dict[str, int] = {}
        self.due = Due(wake_at=lambda key: self.wakes.get(key, 0), clock=lambda store: self.clocks.get(store, NO_CLOCK))

    def move(self, key: bytes, wake_at: int) -> None:
        """As the shell does after a decision: only an earlier time is told."""
        before = self.wakes.get(key, 0)
        self.wakes[key] = wake_at
        if wake_at and (not before or wake_at < before):
            self.due.add(key, wake_at)

    def visit(self, budget: int = 1_000) -> list[bytes]:
        """Visits those that are due; nobody wakes again."""
        visited = []
        for key in self.due.keys(budget):
            visited.append(key)
            self.wakes[key] = 0
        return visited

    def visit_all(self) -> list[bytes]:
        visited = []
        while self.due.more:
            visited += self.visit()
        return visited


def test_keys__several_stores__each_by_its_own_clock() -> None:
    shelf = Shelf()
    for key in (b"a:1", b"b:1"):
        shelf.move(key, 50)
    assert not shelf.due.more, "no clock has come: time stands"
    shelf.clocks = {"a": 49, "b": 50}
    assert shelf.due.oldest == 50
    assert shelf.visit() == [b"b:1"]
    assert not shelf.due.more
    shelf.clocks["a"] = 50
    assert shelf.visit() == [b"a:1"]


def test_keys__budget__the_longest_overdue_first() -> None:
    shelf = Shelf()
    for number in (3, 1, 2):
        shelf.move(b"a:%d" % number, number)
    shelf.clocks["a"] = 10
    assert shelf.visit(2) == [b"a:1", b"a:2"]
    assert shelf.due.more
    assert shelf.visit(2) == [b"a:3"]


def test_keys__time_moved_on__looked_at_when_it_has_come() -> None:
    shelf = Shelf()
    shelf.move(b"a:1", 10)
    shelf.move(b"a:1", 20)
    shelf.clocks["a"] = 10
    assert shelf.visit_all() == []
    shelf.clocks["a"] = 20
    assert shelf.visit_all() == [b"a:1"]


def test_keys__moved_back_and_forth__looked_at_once() -> None:
    shelf = Shelf()
    for wake_at in (30, 10, 40, 20, 40):
        shelf.move(b"a:1", wake_at)
    shelf.clocks["a"] = 40
    assert shelf.visit_all() == [b"a:1"]


def test_keys__timer_dropped__nobody_is_looked_at() -> None:
    shelf = Shelf()
    shelf.move(b"a:1", 10)
    shelf.move(b"a:1", 0)
    shelf.clocks["a"] = 10
    assert shelf.visit_all() == []


def test_keys__many_entries_that_no_longer_count__a_slice_looks_at_some_only() -> None:
    shelf = Shelf()
    many = due_module._LOOKED_AT + 1
    for number in range(many):
        shelf.move(b"a:%d" % number, 1)
        shelf.move(b"a:%d" % number, 0)
    shelf.clocks["a"] = 1
    assert shelf.visit() == []
    assert shelf.due.more, "the rest is left for another slice"
    assert shelf.visit() == []
    assert not shelf.due.more


def test_restore__records__as_if_told_one_by_one() -> None:
    shelf = Shelf()
    shelf.wakes = {b"a:1": 5, b"a:2": 0, b"b:1": 7}
    shelf.due.restore(shelf.wakes)
    shelf.clocks = {"a": 9, "b": 9}
    assert sorted(shelf.visit_all()) == [b"a:1", b"b:1"]


STEPS = st.lists(st.tuples(st.sampled_from([b"a:1", b"a:2", b"b:1"]), st.integers(0, 30), st.booleans()), max_size=30)


@given(STEPS)
def test_keys__any_moves__exactly_those_whose_time_has_come(steps: Iterable[tuple[bytes, int, bool]]) -> None:
    shelf = Shelf()
    now = 0
    for key, wake_at, later in steps:
        shelf.move(key, wake_at)
        if later:
            now += 3
            shelf.clocks = {"a": now, "b": now}
            expected = {key for key, wakes in shelf.wakes.items() if 0 < wakes <= now}
            visited = shelf.visit_all()
            assert len(visited) == len(set(visited))
            assert set(visited) == expected


def test_overdue_s__several_stores__the_longest_by_its_own_clock() -> None:
    shelf = Shelf()
    assert shelf.due.overdue_s == 0
    shelf.move(b"a:1", 1_000_000)
    shelf.move(b"b:1", 9_000_000)
    shelf.clocks = {"a": 3_500_000, "b": 10_000_000}
    assert shelf.due.overdue_s == 2.5
    shelf.visit()
    assert shelf.due.overdue_s == 0

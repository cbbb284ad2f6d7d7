"""The coalescing buffer: newest wins, one call a customer, full batches."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer.kind import Applied, Limits, Pending, Source, Target
from headrace.consumer.waiting import Waiting

LIMITS = Limits(batch=10, concurrency=3, linger_s=0.1)
SOURCE = Source("actions.group", 0, 0, None, None, datetime(2026, 1, 1, tzinfo=UTC))


def pending(
    customer: str, version: int, value: str = "", *, hold: Callable[[], None] = lambda: None, since: float = 0.0
) -> Pending:
    target = Target((1, version, 0), value or str(version), observed="")
    return Pending(customer, target, SOURCE, since, Applied(), fresh=True, holds=[hold])


def waiting() -> Waiting:
    return Waiting(LIMITS, reads_back=True)


def test_pick__fewer_than_a_batch__lingers_and_waits_for_the_call_under_way() -> None:
    buffer = waiting()
    buffer.add(pending("s:1", 1, since=1.0))
    assert not buffer.pick(1.05, idle=True).write
    assert 0 < (buffer.pick(1.05, idle=True).wait_s or 0) <= 0.05
    assert not buffer.pick(9.0, idle=False).write
    assert [one.customer for one in buffer.pick(1.11, idle=True).write] == ["s:1"]


def test_pick__many__goes_at_once_in_arrival_order() -> None:
    buffer = waiting()
    for number in range(25):
        buffer.add(pending(f"s:{number}", 1))
    sizes = [len(buffer.pick(0.0, idle=False).write) for _ in range(3)]
    assert sizes == [10, 10, 0]
    assert (len(buffer), buffer.flying) == (5, 20)


def test_add__newer_version__takes_the_place_and_the_offsets() -> None:
    buffer, done = waiting(), list[int]()
    first = pending("s:1", 1, hold=partial(done.append, 1))
    assert buffer.add(first) is None
    assert buffer.add(pending("s:1", 3, hold=partial(done.append, 3))) is first
    late = pending("s:1", 2, hold=partial(done.append, 2))
    assert buffer.add(late) is late
    (picked,) = buffer.pick(1.0, idle=True).write
    for release in picked.holds:
        release()
    assert (picked.target.version, done) == ((1, 3, 0), [1, 3])


def test_add__newer_version__waits_as_long_as_the_one_it_replaces() -> None:
    """A call of another worker may still arrive."""
    buffer, first = waiting(), pending("s:1", 1)
    first.not_before = 5.0
    buffer.add(first)
    buffer.add(pending("s:1", 2))
    assert not buffer.pick(4.0, idle=True).write
    assert [one.target.version for one in buffer.pick(5.0, idle=True).write] == [(1, 2, 0)]


def test_pick__customer_in_flight__waits_and_goes_on_from_what_was_applied() -> None:
    buffer = waiting()
    buffer.add(pending("s:1", 1, "Gold"))
    (flying,) = buffer.pick(1.0, idle=True).write
    buffer.add(pending("s:1", 2, "Gold"))
    assert not buffer.pick(2.0, idle=True).write
    buffer.finish(flying, Applied((1, 1, 0), "Gold"))
    assert [verdict for _, verdict in buffer.pick(2.0, idle=True).closed] == ["unchanged"]


def test_put_back__newer_waits__inherits_offsets_and_doubt() -> None:
    buffer = waiting()
    buffer.add(pending("s:1", 1, "Gold"))
    (flying,) = buffer.pick(1.0, idle=True).write
    buffer.add(pending("s:1", 2, "Silver"))
    buffer.put_back(flying, Applied(None, "", "Gold", (1, 1, 0)))
    (doubtful,) = buffer.pick(2.0, idle=True).doubtful
    assert (doubtful.target.value, len(doubtful.holds)) == ("Silver", 2)


def test_drop__in_flight__ends_but_does_not_come_back() -> None:
    """Its partition has another owner, who may have written a newer value meanwhile."""
    buffer, done = waiting(), list[int]()
    buffer.add(pending("s:1", 1, "Gold", hold=partial(done.append, 1)))
    (flying,) = buffer.pick(1.0, idle=True).write
    buffer.drop()
    buffer.put_back(flying, Applied())
    assert (len(buffer), buffer.flying, done) == (0, 0, [])


def test_pick__failed_in_company_twice__goes_alone() -> None:
    buffer = waiting()
    for number in range(12):
        one = pending(f"s:{number}", 1)
        one.attempts = 2 if number < 2 else 0
        buffer.add(one)
    assert [len(buffer.pick(0.0, idle=False).write) for _ in range(3)] == [1, 1, 10]


_STEP = st.one_of(
    st.tuples(st.just("add"), st.integers(1, 4), st.integers(1, 30)),
    st.tuples(st.just("pick"), st.just(0), st.just(0)),
    st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from([0, 1, 2])),
)


@given(st.lists(_STEP, max_size=60))
def test_waiting__any_interleaving__ends_with_the_newest_version_and_every_offset_done(
    steps: list[tuple[str, int, int]],
) -> None:
    """Versions come in any order, calls succeed, fail or end unknown: the vendor ends with the newest of each."""
    world = _World()
    for name, which, how in steps:
        world.step(name, which, how)
    world.run_dry()
    assert world.held == {customer: max(versions) for customer, versions in world.seen.items()}
    assert world.done == set(range(world.offsets))
    assert all(newer > older for versions in world.written.values() for older, newer in itertools.pairwise(versions))


class _World:
    """A buffer, a vendor that remembers, and calls that end when told."""

    def __init__(self) -> None:
        self.buffer = waiting()
        self.offsets = 0
        self.done: set[int] = set()
        self.seen: dict[str, list[int]] = {}
        self.held: dict[str, int] = {}
        self.applied: dict[str, Applied] = {}
        self.written: dict[str, list[int]] = {}
        self.flying: list[Pending] = []

    def step(self, name: str, which: int, how: int) -> None:
        if name == "add":
            self._add(f"s:{which}", how)
        elif name == "pick":
            self._pick()
        elif self.flying:
            self._end(self.flying.pop(which % len(self.flying)), how)

    def run_dry(self) -> None:
        while self.flying or len(self.buffer):
            self._pick()
            while self.flying:
                self._end(self.flying.pop(), 0)

    def _add(self, customer: str, version: int) -> None:
        one = pending(customer, version, hold=partial(self.done.add, self.offsets))
        one.applied = self.applied.get(customer, Applied())
        self.offsets += 1
        self.seen.setdefault(customer, []).append(version)
        if self.buffer.add(one) is one:
            self._release(one)

    def _pick(self) -> None:
        picked = self.buffer.pick(1e9, idle=True)
        for one, verdict in picked.closed:
            applied = one.applied if verdict == "stale" else Applied(one.target.version, one.target.value)
            self._finish(one, applied)
        for one in picked.doubtful:
            held = self.held.get(one.customer)
            self.buffer.put_back(one, Applied(one.applied.version, "" if held is None else str(held)))
        self.flying += picked.write

    def _end(self, one: Pending, how: int) -> None:
        """0: done; 1: refused, nothing happened; 2: it happened, but we do not know."""
        version = one.target.version[1]
        if how != 1 and self.held.get(one.customer) != version:
            self.held[one.customer] = version
            self.written.setdefault(one.customer, []).append(version)
        if how == 0:
            self._finish(one, Applied(one.target.version, one.target.value))
        else:
            begun = Applied(one.applied.version, one.applied.value, one.target.value, one.target.version)
            self.buffer.put_back(one, begun if how == 2 else one.applied)

    def _finish(self, one: Pending, applied: Applied) -> None:
        self.applied[one.customer] = applied
        self.buffer.finish(one, applied)
        self._release(one)

    def _release(self, one: Pending) -> None:
        for release in one.holds:
            release()

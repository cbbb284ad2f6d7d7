"""The coalescing buffer: one waiting target a customer, the newest; one call a customer at a time.

No clock, no I/O: `now` is an argument, in monotonic seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headrace.consumer.judge import Verdict, judge
from headrace.consumer.kind import Applied, Limits, Pending

SINGLE_AFTER = 2
"""After so many failed attempts in company a customer is tried alone: one bad customer must not stop nine others."""

CLOSED_AT_ONCE = 500
"""So many are closed in one step, hence in one transaction of the ledger."""


@dataclass(frozen=True, slots=True)
class Picked:
    """What to do next: `closed` needs no call; then either `doubtful` are read back, or `write` is performed.

    All of it is in flight from now on. `wait_s`: with nothing picked, when to ask again (None = when something comes).
    """

    closed: Sequence[tuple[Pending, Verdict]] = ()
    doubtful: Sequence[Pending] = ()
    write: Sequence[Pending] = ()
    wait_s: float | None = None


@dataclass(slots=True)
class _Scan:
    closed: list[tuple[Pending, Verdict]] = field(default_factory=list)
    doubtful: list[Pending] = field(default_factory=list)
    write: list[Pending] = field(default_factory=list)
    alone: list[Pending] = field(default_factory=list)
    later: list[float] = field(default_factory=list)

    def full(self, limits: Limits) -> bool:
        """True when there is enough for one step."""
        sizes = (
            (len(self.write), limits.batch),
            (len(self.doubtful), limits.read_back),
            (len(self.closed), CLOSED_AT_ONCE),
        )
        return any(have >= wanted for have, wanted in sizes)


class Waiting:
    """Customers in the order in which they began to wait; a newer version takes the older one's place."""

    def __init__(self, limits: Limits, *, reads_back: bool) -> None:
        self._limits = limits
        self._reads_back = reads_back
        self._waiting: dict[str, Pending] = {}
        self._flying: dict[str, Pending] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, customer: str) -> bool:
        return customer in self._waiting or customer in self._flying

    @property
    def flying(self) -> int:
        """Customers in flight."""
        return len(self._flying)

    def add(self, pending: Pending) -> Pending | None:
        """Takes a target in. Returns what it replaces, or the pending itself when it is older than what is known.

        The offsets of the replaced one stay held by the newer; those of a refused one are the caller's to release.
        """
        flying = self._flying.get(pending.customer)
        if flying is not None and pending.target.version < flying.target.version:
            return pending
        old = self._waiting.get(pending.customer)
        if old is None:
            self._waiting[pending.customer] = pending
            return None
        if pending.target.version < old.target.version:
            return pending
        pending.holds[:0] = old.holds
        pending.since = old.since
        pending.not_before = max(pending.not_before, old.not_before)
        pending.applied = old.applied
        pending.fresh = old.fresh and pending.fresh
        self._waiting[pending.customer] = pending
        return old

    def pick(self, now: float, *, idle: bool) -> Picked:
        """The next thing to do. `idle`: no call is under way, so a part-filled batch may go once it has lingered."""
        scan = self._scan(now)
        for pending, _ in scan.closed:
            self._start(pending)
        if self._reads_back and scan.doubtful:
            return Picked(scan.closed, doubtful=self._start_all(scan.doubtful))
        if scan.alone:
            return Picked(scan.closed, write=self._start_all(scan.alone[:1]))
        if scan.write:
            age = now - min(pending.since for pending in scan.write)
            if len(scan.write) >= self._limits.batch or (idle and age >= self._limits.linger_s):
                return Picked(scan.closed, write=self._start_all(scan.write))
            if idle:
                scan.later.append(self._limits.linger_s - age)
        return Picked(scan.closed, wait_s=max(0.0, min(scan.later)) if scan.later else None)

    def finish(self, pending: Pending, applied: Applied) -> None:
        """The call is over and settled; what waits for the same customer goes on from there."""
        self._flying.pop(pending.customer, None)
        newer = self._waiting.get(pending.customer)
        if newer is not None:
            newer.applied = applied
            newer.fresh = True

    def put_back(self, pending: Pending, applied: Applied) -> bool:
        """The call has to be repeated, unless a newer version waits already: True then, and that inherits the offsets.

        One whose partition is gone is left to the next owner: repeated here, it could overtake what that one did.
        """
        newer = self._waiting.get(pending.customer)
        self.finish(pending, applied)
        if pending.abandoned:
            return False
        pending.applied = applied
        if newer is None:
            self._waiting[pending.customer] = pending
        else:
            newer.holds[:0] = pending.holds
            newer.attempts = pending.attempts
            newer.not_before = pending.not_before
        return newer is not None

    def drop(self) -> None:
        """Forgets what waits (the partitions are gone); what is in flight ends by itself and is not repeated."""
        self._waiting.clear()
        for pending in self._flying.values():
            pending.abandoned = True

    def _start(self, pending: Pending) -> None:
        del self._waiting[pending.customer]
        self._flying[pending.customer] = pending

    def _start_all(self, chosen: Sequence[Pending]) -> Sequence[Pending]:
        for pending in chosen:
            self._start(pending)
        return chosen

    def _ready(self, now: float, scan: _Scan) -> Iterator[Pending]:
        for pending in self._waiting.values():
            if pending.customer in self._flying:
                continue
            if pending.not_before > now:
                scan.later.append(pending.not_before - now)
                continue
            yield pending

    def _scan(self, now: float) -> _Scan:
        scan = _Scan()
        for pending in self._ready(now, scan):
            self._sort_in(pending, scan)
            if scan.full(self._limits):
                break
        return scan

    def _sort_in(self, pending: Pending, scan: _Scan) -> None:
        verdict = judge(pending.target, pending.applied, fresh=pending.fresh, reads_back=self._reads_back)
        if verdict == "doubtful":
            scan.doubtful.append(pending)
        elif verdict != "write":
            scan.closed.append((pending, verdict))
        elif pending.attempts >= SINGLE_AFTER and self._limits.batch > 1:
            scan.alone.append(pending)
        else:
            scan.write.append(pending)

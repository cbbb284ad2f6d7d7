"""The circuit breaker: after failures in a row nobody calls for a while, then one call tries whether it is over.

Pure: times are arguments, in seconds of any one steady clock. What counts as a failure is `http`'s matter.
"""

import math

SHORTEST_REST_S = 1.0
LONGEST_REST_S = 30.0


class Breaker:
    """Of one vendor and store. Opens after `after` failures in a row for `rest_s`, doubled up to `longest_rest_s`."""

    def __init__(self, *, after: int = 5, rest_s: float | None = None, longest_rest_s: float = LONGEST_REST_S) -> None:
        self._after = after
        self._shortest_s = SHORTEST_REST_S if rest_s is None else rest_s
        self._longest_s = longest_rest_s
        self._failures = 0
        self._rest_s = self._shortest_s
        self._open_until = -math.inf
        self._probe: int | None = None
        """The call that tries whether it is over, by its number."""
        self._calls = 0

    @property
    def is_open(self) -> bool:
        """True from the failure that opened it until a call succeeds."""
        return self._failures >= self._after

    @property
    def failures(self) -> int:
        """Failures since the last success."""
        return self._failures

    def wait(self, now: float) -> float:
        """Seconds after which to ask again; 0 when a call may go out."""
        if not self.is_open:
            return 0.0
        if self._probe is not None:
            return self._shortest_s
        return max(0.0, self._open_until - now)

    def begin(self) -> int:
        """A call goes out; returns its number for `succeeded` and `failed`. Only when `wait` said 0."""
        self._calls += 1
        if self.is_open:
            self._probe = self._calls
        return self._calls

    def succeeded(self, call: int) -> bool:
        """The vendor answered like one that works. True when that closed the circuit."""
        self._forget(call)
        closed, self._failures, self._rest_s = self.is_open, 0, self._shortest_s
        return closed

    def failed(self, call: int, now: float) -> float | None:
        """No answer, or one that says the vendor is down. Seconds of rest when that opened the circuit (again)."""
        probed = self._forget(call)
        was_open, self._failures = self.is_open, self._failures + 1
        if not self.is_open or (was_open and not probed):  # calls that went out before it opened say nothing new
            return None
        self._rest_s = min(self._longest_s, self._rest_s * 2) if probed else self._shortest_s
        self._open_until = now + self._rest_s
        return self._rest_s

    def abandoned(self, call: int) -> None:
        """The caller gave the call up: it says nothing about the vendor."""
        self._forget(call)

    def _forget(self, call: int) -> bool:
        probed, self._probe = self._probe == call, None if self._probe == call else self._probe
        return probed

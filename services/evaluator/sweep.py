"""The sweep of a partition after an activation: visits the customers that nobody touched, in slices.

It only finds them; by the rule of lazy application its order and pace cannot change any result.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from headrace.runtime.logs import log
from headrace.runtime.metrics import gauge
from services.evaluator.activations import Activations

_LOOKED_AT: Final = 5_000
"""Keys looked at in one slice at most, whether they need a visit or not."""
_SAY_EVERY: Final = 50_000
"""Keys between two lines of the log."""


class Sweep:
    """Begins at every restore, so that a restart needs no saved position, and again at each activation."""

    def __init__(
        self,
        number: int,
        activations: Activations,
        *,
        keys: Callable[[], Iterable[bytes]],
        mark: Callable[[bytes], int | None],
    ) -> None:
        """Of partition `number`; `keys`: of every customer, those of the open epoch too, each with its `mark`."""
        self._number = number
        self._activations = activations
        self._all_keys = keys
        self._mark = mark
        self._keys: Iterator[bytes] | None = None
        self._upto = -1
        self.done = self.total = 0
        """How many were looked at since it began, and how many customers there were then."""
        self.again()

    @property
    def more(self) -> bool:
        """Whether there is someone left to look at."""
        return self._keys is not None

    def again(self) -> None:
        """A rule set took effect: everyone has to be looked at once more."""
        self._upto = self._activations.last_offset
        keys = () if self._upto < 0 else tuple(self._all_keys())
        self._keys = None if self._upto < 0 else iter(keys)
        self.done, self.total = 0, len(keys)
        self._show()

    def keys(self, budget: int) -> list[bytes]:
        """At most `budget` customers that have not seen the last activation, each to be visited now."""
        found: list[bytes] = []
        looked_at = 0
        for key in islice(self._keys or (), _LOOKED_AT):
            looked_at += 1
            mark = self._mark(key)
            if mark is not None and mark < self._upto:
                found.append(key)
                if len(found) >= budget:
                    break
        self._looked_at(looked_at)
        if self._keys is not None and not looked_at:
            # Not earlier: whoever was found last needs the activations that are forgotten then.
            self._finish()
        return found

    def _looked_at(self, keys: int) -> None:
        before, self.done = self.done, self.done + keys
        if before // _SAY_EVERY < self.done // _SAY_EVERY:
            log.info("sweep.progressed", partition=self._number, done=self.done, total=self.total)
        self._show()

    def _finish(self) -> None:
        self._keys = None
        self._activations.swept(self._upto)
        log.info("sweep.finished", partition=self._number, offset=self._upto, customers=self.total)

    def _show(self) -> None:
        gauge("headrace_evaluator_sweep_done", partition=str(self._number)).set(self.done)
        gauge("headrace_evaluator_sweep_customers", partition=str(self._number)).set(self.total)

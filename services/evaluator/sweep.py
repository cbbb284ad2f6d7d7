"""The sweep of a partition after an activation: visits the customers that nobody touched, in slices.

It only finds them; by the rule of lazy application its order and pace cannot change any result.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from headrace.runtime.logs import log
from services.evaluator.activations import Activations

_LOOKED_AT: Final = 5_000
"""Keys looked at in one slice at most, whether they need a visit or not."""


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
        self.again()

    @property
    def more(self) -> bool:
        """Whether there is someone left to look at."""
        return self._keys is not None

    def again(self) -> None:
        """A rule set took effect: everyone has to be looked at once more."""
        self._upto = self._activations.last_offset
        self._keys = None if self._upto < 0 else iter(tuple(self._all_keys()))

    def keys(self, budget: int) -> Iterator[bytes]:
        """At most `budget` customers that have not seen the last activation."""
        keys = self._keys
        if keys is None:
            return
        found = looked_at = 0
        for key in islice(keys, _LOOKED_AT):
            looked_at += 1
            mark = self._mark(key)
            if mark is not None and mark < self._upto:
                found += 1
                yield key
                if found >= budget:
                    return
        if looked_at < _LOOKED_AT:
            self._finish()

    def _finish(self) -> None:
        self._keys = None
        self._activations.swept(self._upto)
        log.info("sweep.finished", partition=self._number, offset=self._upto)

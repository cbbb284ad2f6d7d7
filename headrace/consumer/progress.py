"""Which offsets of a partition may be committed: the contiguous prefix of what is done.

Pure book-keeping; who commits, and when, is the loop's matter.
"""


class Progress:
    """The offsets of one partition that were read and are not done yet."""

    def __init__(self) -> None:
        self._open: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def read(self, offset: int) -> None:
        """Offsets are read in ascending order."""
        self._open[offset] = None

    def done(self, offset: int) -> None:
        """In any order; twice is harmless."""
        self._open.pop(offset, None)

    def committable(self, position: int) -> int:
        """The offset to commit. `position` is the next one to be read: with nothing open it is reached itself.

        So transaction markers, which nobody reads, leave no lag.
        """
        return next(iter(self._open), position)

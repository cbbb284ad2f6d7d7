"""Whether a run gets on: a partition that is behind its log and has not moved for long is stuck.

Pure, with `now` as an argument; `run.py` takes the samples.
"""

from collections.abc import Mapping


class Progress:
    """Samples of committed offsets against the log's ends, both by partition."""

    def __init__(self, within_s: float, now: float) -> None:
        """`within_s`: how long a partition with lag may stand still."""
        self._within_s = within_s
        self._began = now
        self._moved: dict[int, tuple[int, float]] = {}

    def look(self, now: float, committed: Mapping[int, int], ends: Mapping[int, int]) -> list[int]:
        """The partitions that are stuck now."""
        stuck = []
        for number, end in ends.items():
            offset = committed.get(number, 0)
            before, moved_at = self._moved.get(number, (-1, self._began))
            if offset != before or offset >= end:
                # What was behind at the first look has been so from the beginning.
                self._moved[number] = offset, self._began if before == -1 and offset < end else now
            elif now - moved_at > self._within_s:
                stuck.append(number)
        return stuck


def is_done(committed: Mapping[int, int], ends: Mapping[int, int]) -> bool:
    """Whether every partition was committed to its end."""
    return all(committed.get(number, 0) == end for number, end in ends.items())

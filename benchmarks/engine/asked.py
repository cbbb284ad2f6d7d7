"""What a worker is told by the harness, in its environment. Only the standard library, as in `marks.py`."""

import os
from typing import NamedTuple


class Asked(NamedTuple):
    """`group` is the consumer group or application id; the topic holds exactly `events` events when the worker starts.

    `output`: the topic to which the time `t` of every event that has one goes, "" for none. `gate`: a file that must
    be there before the first event is folded, "" for none.
    """

    bootstrap: str
    topic: str
    group: str
    events: int
    state_dir: str
    output: str = ""
    gate: str = ""

    def environment(self) -> dict[str, str]:
        """The variables that `asked` reads (and KafkaStreamsWorker.java)."""
        return {f"BENCH_{name.upper()}": str(value) for name, value in self._asdict().items()}


def asked() -> Asked:
    """What this process was told."""
    found = {name: os.environ.get(f"BENCH_{name.upper()}", "") for name in Asked._fields}
    return Asked(**{**found, "events": int(found["events"])})  # type: ignore[arg-type]  # the rest are texts

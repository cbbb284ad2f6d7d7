"""The consumer of `actions.attributes` for a store that is not written to: its values are kept and served here only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from headrace.consumer import Arrival, Finished, Limits, Result, Target, Task
from headrace.consumer.kind import OutcomeKind
from headrace.contracts import topics
from headrace.contracts.actions import DesiredAttributes
from services.attributes.store import keep


class KeptHere:
    """The kind of a store without credentials (see `headrace.consumer.Kind`).

    Under a name of its own: once there are credentials, the mirror is filled from the beginning of the topic.
    """

    name = "attributes-kept"
    group = "attributes"
    outcome: tuple[OutcomeKind, str] = ("attribute", "bigcommerce")
    decoders: Mapping[str, Callable[[bytes], Any]] = {
        topics.ACTIONS_ATTRIBUTES: msgspec.json.Decoder(DesiredAttributes).decode
    }
    limits = Limits(batch=1, concurrency=1)
    reads_back = False

    def prepare(self, connection: Connection, arrivals: Sequence[Arrival]) -> Sequence[Target | Finished]:
        """All that there is to do."""
        accepted = keep(connection, [(arrival.desired, arrival.source.timestamp) for arrival in arrivals])
        return [
            Finished("applied", "kept_here", one.desired.version)
            if new
            else Finished("stale", "older", one.desired.version)
            for one, new in zip(arrivals, accepted, strict=True)
        ]

    async def read_back(self, customers: Sequence[str]) -> Mapping[str, Any]:
        """Never asked: there are no targets."""
        raise NotImplementedError

    async def perform(self, tasks: Sequence[Task]) -> Mapping[str, Result]:
        """Never asked either."""
        raise NotImplementedError

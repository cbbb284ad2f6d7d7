"""The workload in Faust as it comes: an agent and a table with its changelog, no settings but where Kafka is and that
bytes stay bytes.

Its last mark is said when the changelog records are flushed: until then they only wait in its producer.
"""

import sys
from typing import Any

import faust

from benchmarks.engine.asked import asked
from benchmarks.engine.marks import Marks
from benchmarks.engine.workload import PARTITIONS, State, decode_order, decode_state, encode_state, fold

TABLE = "counts"


def application() -> faust.App:
    """The whole program."""
    told = asked()
    marks = Marks(told.events)
    app = faust.App(
        told.group,
        broker=f"kafka://{told.bootstrap}",
        datadir=told.state_dir,
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=PARTITIONS,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    topic = app.topic(told.topic, key_type=bytes, value_type=bytes)
    table: Any = app.Table(TABLE, key_type=bytes, value_type=bytes, partitions=PARTITIONS)

    async def fold_orders(stream: Any) -> None:
        async for event in stream.events():
            marks.folding()
            held = table.get(event.key)
            state = State() if held is None else decode_state(held)
            fold(state, decode_order(event.value))
            table[event.key] = encode_state(state)
            if marks.completing():
                await app.producer.flush()
                marks.say("last")

    app.agent(topic)(fold_orders)
    return app


if __name__ == "__main__":
    sys.argv = ["faust"]
    application().Worker(loglevel="error").execute_from_commandline()

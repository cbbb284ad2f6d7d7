"""The workload in Quix Streams: a stateful step on RocksDB with its changelog, at least once.

It runs in an environment of its own (`systems.py`), which has the standard library and Quix Streams only.
"""

import os
from typing import Any

from benchmarks.engine.asked import asked
from benchmarks.engine.marks import Marks

ORDERS_KEPT = 20


def main() -> None:
    """Folds until it is told to stop."""
    from quixstreams import Application  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  # not in ours

    told = asked()
    marks = Marks(told.events)
    linger = os.environ.get("BENCH_LINGER_MS")
    app = Application(
        broker_address=told.bootstrap,
        consumer_group=told.group,
        auto_offset_reset="earliest",
        state_dir=told.state_dir,
        commit_interval=float(os.environ.get("BENCH_COMMIT_MS") or 1000) / 1000,
        producer_extra_config={"linger.ms": float(linger)} if linger else None,
        loglevel="ERROR",
    )

    def fold(order: dict[str, Any], state: Any) -> None:
        marks.folding()
        held = state.get("s") or {"n": 0, "sum": 0.0, "last": 0, "o": []}
        held["n"] += 1
        held["sum"] += order["amount"]
        held["last"] = order["ts"]
        held["o"].append([order["order_id"], order["amount"]])
        if len(held["o"]) > ORDERS_KEPT:
            del held["o"][0]
        state.set("s", held)
        if marks.completing():
            marks.say("last")

    topic = app.topic(told.topic, value_deserializer="json", key_deserializer="str")
    folded = app.dataframe(topic).update(fold, stateful=True)
    if told.output:
        output = app.topic(told.output, value_serializer="json", key_serializer="str")
        folded.filter(lambda order: "t" in order).apply(lambda order: order["t"]).to_topic(output)
    app.run()


if __name__ == "__main__":
    main()

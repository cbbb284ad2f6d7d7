"""The separate fold of the source that judges the workers: what the changelog and the outputs must hold.

It reads the log by itself, in its order, and shares with the workers only what one event does to one key.
"""

import json
from dataclasses import dataclass, field

from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.evaluator.engine.state import encode_record
from tests.services.evaluator.engine.counting import SOURCE, fold_one, output_of


@dataclass
class Expected:
    """`records`: changelog values by key. `outputs`: all of them by id. `newest`: the last one of each key."""

    records: dict[bytes, bytes] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    newest: dict[bytes, bytes] = field(default_factory=dict)
    ends: dict[int, int] = field(default_factory=dict)


async def expect(settings: ServiceSettings, partitions: int) -> Expected:
    """Folds the whole source."""
    states: dict[bytes, dict[str, int]] = {}
    expected = Expected()
    for record in await read_to_end(settings, topic(settings, SOURCE), range(partitions)):
        key, value, offset = record.key, record.value, record.offset
        assert key is not None
        assert value is not None
        expected.ends[record.partition] = offset
        if key.startswith(b"skip"):
            continue
        states[key] = state = fold_one(states.get(key), value)
        expected.records[key] = encode_record(offset, json.dumps(state).encode())
        if output := output_of(record.partition, offset, key, state):
            expected.outputs[json.loads(output)["id"]] = output
            expected.newest[key] = output
    return expected

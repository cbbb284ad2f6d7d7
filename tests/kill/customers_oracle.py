"""What the real evaluator must have made of a log: the eager oracle of its tests, a partition at a time.

The oracle itself is tests/services/evaluator/oracle.py.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

from headrace.contracts.events import RulesetActivated, decode_event
from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.segmentation.codec import wake_at_of
from headrace.segmentation.compiled import CompiledRules, compile_rules
from services.evaluator.engine.state import encode_record
from tests.kill.cluster import STORE
from tests.kill.customers_rules import rule_set_of
from tests.kill.judge import Expected, LogRecord
from tests.services.evaluator.oracle import Oracle


def expect(log: Iterable[LogRecord], prefix: str) -> Expected:
    """What the log must have come to. `log`: each partition's records in offset order, partition by partition."""
    records = list(log)
    rules = _rules_in(records)
    expected = Expected(events=len(records))
    for number, of_partition in groupby(records, lambda record: record.partition):
        oracle = Oracle(rules)
        for record in of_partition:
            oracle.apply(record.offset, record.key, record.value)
            expected.ends[number] = record.offset + 1
        assert not oracle.set_aside, "the load makes no dead letters"
        for key, stored in oracle.records().items():
            expected.timers += b"#" not in key and wake_at_of(stored.body) > 0
            expected.states[number, key] = encode_record(*stored)
        for key, outputs in oracle.outputs(partition=number, prefix=prefix).items():
            for output in outputs:
                expected.add_output(output.topic, number, key, output.value or b"")
    return expected


def _rules_in(records: Iterable[LogRecord]) -> Mapping[tuple[str, int], CompiledRules]:
    found: dict[tuple[str, int], CompiledRules] = {}
    for record in records:
        if record.key == PARTITION_WIDE_KEY:
            data = decode_event(record.value or b"").data
            if isinstance(data, RulesetActivated) and (STORE, data.version) not in found:
                found[STORE, data.version] = compile_rules(rule_set_of(data.version))
    return found

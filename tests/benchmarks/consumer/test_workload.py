"""The workload: what is newest is known without reading; and, with a real Kafka, that a run finds it so."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.consumer.workload import customer, newest, records
from headrace.contracts.actions import DesiredGroup
from headrace.contracts.topics import partition_of

ROOT = Path(__file__).resolve().parents[3]


def test_records__the_last_of_each__is_the_newest() -> None:
    held: dict[str, DesiredGroup] = {}
    older = 0
    for partition, key, value in records(50):
        said = msgspec.json.decode(value, type=DesiredGroup)
        assert key == said.customer.encode()
        assert partition == partition_of(key, 12)
        if (before := held.get(said.customer)) is not None:
            assert before.version < said.version
            assert before.value != said.value
            older += 1
        held[said.customer] = said
    assert older == 13
    assert {name: one.value for name, one in held.items()} == {customer(number): newest(number) for number in range(50)}


@pytest.mark.kafka
@pytest.mark.slow
def test_run__a_few_customers__everybody_has_the_newest() -> None:
    command = [sys.executable, "-m", "benchmarks.consumer.run", "--rounds", "1", "--customers", "500", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [each["error"] for each in said["rounds"]] == [None, None]
    assert said["ratios"].keys() == {"headrace/getmany"}

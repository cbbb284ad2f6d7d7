"""The consumer in Java, which knows the schemas alone: run as its first lines say, on real Kafka."""

import os
import subprocess
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from headrace.contracts import topics
from headrace.contracts.actions import OutcomeRecord
from headrace.runtime.java import find_java
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.kafka_jars import ensure_jars, kafka_version, read_lock
from headrace.runtime.settings import ServiceSettings, default_cache_dir
from tests.examples.outsider import ROOT
from tests.headrace.consumer.test_run_own import publish, wanted
from tests.services.consumer_harness import eventually

pytestmark = [pytest.mark.slow, pytest.mark.kafka]
SOURCE = ROOT / "examples" / "consumers" / "java" / "Groups.java"


def started(command: list[str], out: BinaryIO) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdout=out, stderr=out)


async def test_java__groups_in_a_file__the_newest_of_each_and_an_outcome_of_every_record(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    kafka, file = topics_created, tmp_path / "groups.tsv"
    await publish(kafka, wanted("one:1", "Silver", 1), wanted("one:1", "Gold", 3), wanted("one:2", "Gold", 4))
    folder = default_cache_dir() / f"kafka-{kafka_version(read_lock())}" / "jars"  # the broker's own
    jars = os.pathsep.join(map(str, ensure_jars(folder)))
    command = [str(find_java().path), "-cp", jars, str(SOURCE), kafka.kafka_bootstrap_servers, kafka.topic_prefix]
    log = tmp_path / "log.txt"
    with log.open("wb") as out, started([*command, str(file)], out) as process:
        try:

            async def holds(*lines: str) -> bool:
                assert process.poll() is None, log.read_text()[-3000:]
                return file.exists() and file.read_text().splitlines() == list(lines)

            await eventually(
                lambda: holds("one:1\tGold\t1/3/0", "one:2\tGold\t1/4/0"), what="what was there", deadline_s=60
            )
            await publish(kafka, wanted("one:1", "Bronze", 2), wanted("one:2", "", 5))
            await eventually(lambda: holds("one:1\tGold\t1/3/0", "one:2\t\t1/5/0"), what="what came")
            process.terminate()
            assert process.wait(15) == 143, log.read_text()[-3000:]
        finally:
            process.kill()
    records = await read_to_end(kafka, topic(kafka, topics.OUTCOMES))
    said = [msgspec.json.decode(record.value or b"", type=OutcomeRecord) for record in records]
    results = {(one.customer, one.version[1]): one.result for one in said if one.platform == "groups-file"}
    applied = dict.fromkeys([("one:1", 1), ("one:1", 3), ("one:2", 4), ("one:2", 5)], "applied")
    assert results == {**applied, ("one:1", 2): "stale"}

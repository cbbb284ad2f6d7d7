"""The exact versions whose private parts the engine hooks, and the check at start that refuses others.

The hooks, and where each is used (one test per hook in tests/services/evaluator/engine/test_pins.py):

| hook | in | why |
|---|---|---|
| faust App._new_transport | worker.py | our consumer in Faust's place |
| faust App._on_partitions_revoked | worker.py | the pending epoch is committed under the old generation |
| faust App.on_first_start | worker.py | no data folder: state is memory and changelog |
| faust Consumer.getmany, _getmany, perform_seek, _add_gap, _commit_offsets, verify_all_partitions_active, \
_read_offset, _thread | batches.py | batches; explicit positions; no gaps, no commits, no livelock detector |
| faust Recovery._build_highwaters, _build_offsets, _seek_offsets, _wait | restore.py | bulk restore, no time-out |
| faust TableManager.recovery, _recovery | table.py | our recovery in Faust's place |
| faust TableManager.on_start, _update_channels | table.py | no second's wait for late tables |
| faust Table._new_store | table.py | state by partition, no per-key changelog |
| mode Service._crashed | worker.py | a crash inside Faust ends the process with a reason |
| aiokafka Fetcher._fetch_min_bytes, _fetch_max_wait_ms | batches.py | under load a fetch gathers |
| aiokafka GroupCoordinator._pending_exception | batches.py | what the group refuses us, which Faust never asks for |
| aiokafka GroupCoordinator._on_join_complete, group_id | membership.py | generation and member id |
| aiokafka AIOKafkaClient.send, coordinator_lookup; LeaveGroupRequest | predecessor.py | a killed worker's member \
goes when it comes back |
| aiokafka PartitionRecords._contains_abort_marker | headrace/runtime/emptied_batches.py | compacted topics of \
transactions can be read |
| confluent-kafka: bytes of the group metadata | membership.py | the fence |
"""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Final

PINS: Final[Mapping[str, str]] = {
    "faust-streaming": "0.15.3",
    "aiokafka": "0.14.0",
    "confluent-kafka": "2.16.1",
}


def wrong_versions(pins: Mapping[str, str] = PINS, installed: Callable[[str], str] = version) -> tuple[str, ...]:
    """What is not as pinned, in words; empty when all is well."""
    found = []
    for package, pinned in pins.items():
        try:
            actual = installed(package)
        except PackageNotFoundError:
            actual = "not installed"
        if actual != pinned:
            found.append(f"{package} is {actual}, {pinned} is needed")
    return tuple(found)

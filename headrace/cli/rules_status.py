"""Which rule set is in force, where a newer one has not arrived yet, how far its sweep is: read from Kafka alone.

From the versions, their markers, and what the evaluator keeps beside its committed offsets.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.cli import activation
from headrace.cli.activation import Committed, Version
from headrace.runtime.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Sweep:
    """Customers looked at since the newest activation, over all partitions that have told."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Status:
    """`active`: the version in force in every partition, None when there is none or the evaluator has not told yet.

    `activating`: the newest version while it is not yet in force in `partitions_pending`.
    """

    active: int | None
    activating: int | None
    partitions_pending: list[int]
    sweep: Sweep


async def status_now(settings: ServiceSettings) -> tuple[Version | None, Status]:
    """The newest version written, and where it stands. Raises `KafkaError`."""
    partitions = await activation.partitions_of_events(settings)
    known = await activation.versions(settings, settings.store)
    newest = known[-1] if known else None
    markers = await activation.markers_of(settings, newest, partitions) if newest is not None else {}
    committed = await activation.committed_positions(settings)
    here = {number: committed.get(number, Committed(0, None)) for number in partitions}
    return newest, status_of(settings.store, newest, markers, here)


def status_of(
    store: str, newest: Version | None, markers: Mapping[int, int], committed: Mapping[int, Committed]
) -> Status:
    """What follows from the newest version, the offset of its marker in each partition that has it, and the offsets."""
    pending = [] if newest is None else sorted(n for n, at in committed.items() if not _passed(at, markers.get(n)))
    notes = [at.note for at in committed.values() if at.note is not None]
    told = [note.rules.get(store, 0) for note in notes]
    active = min(told) if told and len(told) == len(committed) else None
    if active is None and newest is not None and not pending:
        active = newest.record.version  # an evaluator that tells nothing, or too many stores for its notes
    return Status(
        active=active or None,
        activating=newest.record.version if newest is not None and pending else None,
        partitions_pending=pending,
        sweep=Sweep(sum(note.swept for note in notes), sum(note.customers for note in notes)),
    )


def _passed(at: Committed, marker: int | None) -> bool:
    return marker is not None and at.offset > marker

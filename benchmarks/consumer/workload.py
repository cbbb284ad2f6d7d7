"""Wanted groups of many customers, some of them said several times: a compacted topic whose old values still stand.

The same ones every time; what is newest of each is known without reading.
"""

from collections.abc import Iterator
from typing import Final

from headrace.contracts.actions import Cause, DesiredGroup, encode
from headrace.contracts.topics import DEFAULT_PARTITIONS, partition_of

STORE: Final = "bench"
_GROUPS: Final = ("Platinum", "Gold", "Silver", "Trade", "")
_OLDER: Final = 4
"""Every so-many-th customer has an older value in front of the newest."""


def records(customers: int) -> Iterator[tuple[int, bytes, bytes]]:
    """Partition, key and value of each record, in the order of the topic."""
    for number in range(0, customers, _OLDER):
        yield _record(number, step=0)
    for number in range(customers):
        yield _record(number, step=1)


def customer(number: int) -> str:
    """By its number from 0."""
    return f"{STORE}:{number}"


def newest(number: int) -> str:
    """The group that is wanted in the end."""
    return _value(number, 1)


def _value(number: int, step: int) -> str:
    return _GROUPS[(number + step) % len(_GROUPS)]


def _record(number: int, *, step: int) -> tuple[int, bytes, bytes]:
    key = customer(number)
    record = DesiredGroup(
        customer=key,
        version=(1, number, step),
        value=_value(number, step),
        cause=Cause(event=f"bench:order:{number}:{step}", rules=("ladder:loyalty",)),
        rules_version=3,
        observed=_value(number, step - 1),
    )
    return partition_of(key.encode(), DEFAULT_PARTITIONS), key.encode(), encode(record)

"""What a partition's states come to, in a form that can be compared: canonical bytes, and one digest over all.

Marks and the partition's own record are left out; so are names of generations, which no state holds.
"""

import hashlib
import heapq
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from headrace.contracts.topics import PARTITION_WIDE_KEY
from headrace.segmentation.codec import StateUnreadable, decode_state, encode_state
from services.evaluator.engine.state import MARK_BYTES, PAGE_SIGN

_LENGTH: Final = struct.Struct(">I")
_HASH_BYTES: Final = 32


def canonical(key: bytes, body: bytes) -> bytes:
    """A record's body as this release writes it; as it is, when it is a page or cannot be read."""
    if PAGE_SIGN in key:
        return body
    try:
        return encode_state(decode_state(body))
    except StateUnreadable:
        return body


def bodies(records: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Canonical body by key, of a partition's encoded records (mark and body)."""
    return {key: canonical(key, value[MARK_BYTES:]) for key, value in records.items() if key != PARTITION_WIDE_KEY}


def side_by_side(
    ours: Mapping[bytes, bytes], live: Mapping[bytes, bytes]
) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """The canonical bodies of both; `ours` are records that this release has just written.

    Only what differs is decoded: a body that is ours byte for byte is as this release writes it.
    """
    fresh = {key: value[MARK_BYTES:] for key, value in ours.items() if key != PARTITION_WIDE_KEY}
    found: dict[bytes, bytes] = {}
    for key, value in live.items():
        if key != PARTITION_WIDE_KEY:
            mine, body = fresh.get(key), value[MARK_BYTES:]
            found[key] = mine if mine == body else canonical(key, body)
    return fresh, found


def rows(canonical_bodies: Mapping[bytes, bytes]) -> bytes:
    """One partition's part of the digest: its keys, sorted, each with the hash of its body."""
    return b"".join(
        _LENGTH.pack(len(key)) + key + hashlib.sha256(canonical_bodies[key]).digest()
        for key in sorted(canonical_bodies)
    )


def digest_of(parts: Iterable[bytes]) -> str:
    """The digest over the rows of several partitions, as if they were one; hexadecimal."""
    whole = hashlib.sha256()
    for key, hashed in heapq.merge(*map(_unpack, parts)):
        whole.update(_LENGTH.pack(len(key)) + key + hashed)
    return whole.hexdigest()


def _unpack(part: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(part):
        begin = at + _LENGTH.size
        end = begin + _LENGTH.unpack_from(part, at)[0]
        at = end + _HASH_BYTES
        yield part[begin:end], part[end:at]

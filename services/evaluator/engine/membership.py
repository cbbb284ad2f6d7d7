"""Who the broker thinks we are: the consumer group's generation and our member id, taken where a join completed.

The transaction that carries both is fenced by the broker (`transaction.py`); joining itself is Faust's business.
"""

import struct
from typing import Any, Final, NamedTuple

from aiokafka.consumer.group_coordinator import GroupCoordinator

from services.evaluator.engine import cures


class Member(NamedTuple):
    """A generation of a group, and who we are in it."""

    generation: int
    member_id: str


_NONE: Final = Member(-1, "")
_current: Final[dict[str, Member]] = {}
_joined: Final = GroupCoordinator._on_join_complete


async def _on_join_complete(self: Any, generation: int, member_id: str, *rest: Any) -> Any:
    _current[self.group_id] = Member(generation, member_id)
    return await _joined(self, generation, member_id, *rest)


def watch_membership() -> None:
    """Hooks aiokafka's coordinator (private: `pins.py`): no public call tells generation and member id together."""
    GroupCoordinator._on_join_complete = _on_join_complete


def current_member(group: str) -> Member | None:
    """Who we are in the group, None before the first join."""
    member = _current.get(group, _NONE)
    return member if member.generation > 0 and member.member_id else None


def group_metadata(group: str, member: Member) -> bytes:
    """What `send_offsets_to_transaction` takes: librdkafka's own serialisation (undocumented, pinned, tested).

    Raises ValueError for a generation or member that would keep the broker from fencing.
    """
    if cures.off("group_fence"):
        member = _NONE
    elif member.generation <= 0 or not member.member_id:
        raise ValueError(f"without generation and member id the broker does not fence: {member}")
    return b"".join(
        (
            b"CGMDv2:",
            struct.pack("=i", member.generation),
            group.encode() + b"\0",
            member.member_id.encode() + b"\0",
            b"\x01",  # no group instance id
        )
    )

"""What the evaluator writes beside each committed offset of its group, for `headrace rules status`: never more.

The offsets themselves are Kafka's; where the numbers come from is the evaluator's business.
"""

from typing import Final

import msgspec
from msgspec import Struct

MAX_NOTE_BYTES: Final = 200


class Note(Struct, frozen=True, omit_defaults=True):
    """How far a partition has come, as of its offset.

    `rules`: store -> version in force here. `swept` of `customers` have been looked at since the newest activation.
    """

    rules: dict[str, int] = {}
    swept: int = 0
    customers: int = 0


_DECODER: Final = msgspec.json.Decoder(Note)


def encode_note(note: Note) -> str:
    """One line of JSON; without `rules` where those of many stores would be too long."""
    text = msgspec.json.encode(note)
    if len(text) > MAX_NOTE_BYTES:
        text = msgspec.json.encode(Note(swept=note.swept, customers=note.customers))
    return text.decode()


def decode_note(text: str | None) -> Note | None:
    """None for an offset without a note, or with somebody else's."""
    try:
        return _DECODER.decode((text or "").rstrip("\0"))  # confluent-kafka 2.16 sends the C string with its end
    except msgspec.DecodeError:
        return None

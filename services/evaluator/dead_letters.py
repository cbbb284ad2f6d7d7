"""Records that cannot be used are set aside whole, with their reason, in the same transaction as everything else.

Which record that is was found in `agent.py`.
"""

from typing import Final, Literal

from headrace.contracts.actions import DeadLetter, encode
from headrace.contracts.topics import DEAD_LETTERS
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter
from headrace.runtime.topics import MAX_DEAD_LETTER_BYTES
from services.evaluator.engine.fold import Output, SourceRecord

Reason = Literal[
    "undecodable",  # the value is no event, or there is no key or value
    "not_applicable",  # an event that cannot be applied to what it is about
    "state_unreadable",  # the customer's state is damaged or of a newer release
    "rules_refused",  # an activation of a rule set that is missing, changed, or cannot be read
    "oversized",  # the state or an action would be larger than a record may be
    "failed",  # our own fault: the exception's name is the detail
]

SERVICE: Final = "evaluator"
_WHOLE_BYTES: Final = (MAX_DEAD_LETTER_BYTES - 65_536) * 3 // 4
"""Base64 makes a third more of it; a value too large even for that stays where topic and offset say."""


def dead_letter(
    record: SourceRecord, reason: Reason, detail: str, *, source: str, partition: int, prefix: str
) -> Output:
    """The record of the dead letter; counted and logged without anything that may be personal."""
    counter("headrace_evaluator_dead_letters_total", reason=reason).inc()
    log.warning("record.dead_lettered", reason=reason, partition=partition, offset=record.offset)
    whole = record.value is None or len(record.value) <= _WHOLE_BYTES
    letter = DeadLetter(
        reason=reason,
        detail=detail if whole else f"{detail} (value left at its offset)",
        service=SERVICE,
        topic=source,
        partition=partition,
        offset=record.offset,
        key=record.key,
        value=record.value if whole else None,
    )
    return Output(prefix + DEAD_LETTERS, partition, record.key, encode(letter))

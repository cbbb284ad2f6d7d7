"""Records that cannot be used are set aside whole, with their reason, in the same transaction as everything else.

Which record that is was found in `agent.py`; how many are too many is counted in `dead_letter_limit.py`.
"""

from typing import Final, Literal

from headrace.contracts.actions import DeadLetter, encode
from headrace.contracts.topics import DEAD_LETTERS, PARTITION_WIDE_KEY
from headrace.runtime.logs import log
from headrace.runtime.metrics import counter, gauge
from headrace.runtime.process import FatalError
from headrace.runtime.topics import MAX_DEAD_LETTER_BYTES
from services.evaluator.dead_letter_limit import NONE, DeadLetterLimit, Failures
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
NO_LIMIT: Final = DeadLetterLimit(letters=0, run=0)
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


class DeadLetters:
    """The dead letters of one partition since they were last taken, counted against its limit.

    Every record about a customer counts, whatever the reason: a release that fails at everything fails at reading
    events, at reading states, at deciding or at writing. What concerns the whole partition does not, neither way: a
    refused rule set is a decision, and clocks that succeed must not hide that no customer does. Nor does an event that
    was passed over by decision (a late one for a deleted customer): it was applied.
    """

    def __init__(self, partition: int, *, source: str, prefix: str, limit: DeadLetterLimit, failures: Failures) -> None:
        """`failures`: as kept in the partition's marker, so that a restart gives no new allowance."""
        self._partition = partition
        self._source = source
        self._prefix = prefix
        self._limit = limit
        self._failures = failures
        self._visits = NONE
        self._letters: list[Output] = []
        self.applied = 0
        """Records about customers that were applied since the last failure; the agent counts them."""

    def add(self, record: SourceRecord, reason: Reason, detail: str) -> None:
        """Sets a record aside. Raises `FatalError("dead_letter_limit")`: nothing of the open epoch may be written."""
        letter = dead_letter(
            record, reason, detail, source=self._source, partition=self._partition, prefix=self._prefix
        )
        self._letters.append(letter)
        if record.key != PARTITION_WIDE_KEY:
            self._failures = self.failures.failed(record.key, self._limit)
            self._check(self._failures, f"offset {record.offset}: records were set aside, {{}}, the last as {reason}")

    def visited(self) -> None:
        """The sweep has shown a customer what was pending."""
        self._visits = self._visits.passed(1, self._limit)

    def visit_failed(self, key: bytes, error: Exception) -> None:
        """The sweep could not: no record is to blame, so it is counted apart, and in memory only: a sweep begins anew.

        Raises `FatalError("dead_letter_limit")`.
        """
        self._visits = self._visits.failed(key, self._limit)
        self._check(self._visits, f"the sweep failed, {{}}, the last with {type(error).__name__}")

    @property
    def failures(self) -> Failures:
        """The count up to now, to be kept with the partition."""
        self._failures = self._failures.passed(self.applied, self._limit)
        self.applied = 0
        return self._failures

    def take(self) -> list[Output]:
        """The letters to be written."""
        letters, self._letters = self._letters, []
        gauge("headrace_evaluator_recent_failures", partition=str(self._partition)).set(len(self._failures.recent))
        return letters

    def _check(self, failures: Failures, what: str) -> None:
        if exceeded := failures.exceeded(self._limit):
            raise FatalError("dead_letter_limit", f"partition {self._partition}, {what.format(exceeded)}")

"""Dead letters as their topic tells them: each with what became of it. Pure; reading the topic is `letter_topic`'s."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol, get_args

import msgspec

from headrace.cli.output import EXIT_FINDINGS, CliError
from headrace.contracts import topics
from headrace.contracts.actions import DeadLetter, DeadLetterMark
from headrace.contracts.events import Wire

State = Literal["open", "resending", "resent", "superseded", "dropped"]
Place = tuple[str, int, int]
"""Full name of a topic, partition, offset."""

CLAIM_HOLDS: Final = timedelta(minutes=2)
"""After so long nobody is sending any more who said that he would: longer than a producer tries."""
LEFT_OUT: Final = "(value left at its offset)"
"""Ends the detail of a letter whose value was too large for it."""
_LETTER: Final = msgspec.json.Decoder(DeadLetter)
_MARK: Final = msgspec.json.Decoder(DeadLetterMark)
_KNOWN: Final = frozenset(get_args(State))
_SENDABLE: Final = frozenset(
    {topics.NOTICES, topics.EVENTS, *topics.DESIRED_STATE_TOPICS, topics.ACTIONS_EFFECTS}
)  # fmt: skip


class _AnyMark(Wire):
    letter: int
    became: str


class _Told(Wire):
    store: str = ""


_ANY_MARK: Final = msgspec.json.Decoder(_AnyMark)
_TOLD: Final = msgspec.json.Decoder(_Told)


class LetterRecord(Protocol):
    """A record of the dead-letters topic; `timestamp` in milliseconds."""

    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. `record` None: the letter itself cannot be read. `resends`: how often its record was sent before."""

    partition: int
    offset: int
    at: datetime
    key: bytes | None
    record: DeadLetter | None
    state: State = "open"
    claims: int = 0
    claim: int = -1
    """Offset of the last `resending` that counts."""
    state_at: datetime | None = None
    mark: DeadLetterMark | None = None
    """The one that made its state; None while it is open."""
    resends: int = 0

    @property
    def id(self) -> str:
        """As people name it."""
        return f"{self.partition}:{self.offset}"

    @property
    def reason(self) -> str:
        """One word."""
        return "unreadable" if self.record is None else self.record.reason

    @property
    def store(self) -> str:
        """Whose it is, by the record's key; what concerns a whole partition says it itself. "" when nothing tells."""
        key, value = (self.key, None) if self.record is None else (self.record.key, self.record.value)
        store, colon, _ = (key or b"").partition(b":")
        if colon:
            return store.decode(errors="replace")
        try:
            return _TOLD.decode(value or b"").store
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ""

    @property
    def source(self) -> Place:
        """What was set aside: two letters of one source are about one record. A record of no topic is its own."""
        if self.record is None or self.record.offset < 0:
            return "", self.partition, self.offset
        return self.record.topic, self.record.partition, self.record.offset


def read_letters(records: Iterable[LetterRecord]) -> list[Letter]:
    """The letters of a topic, oldest first; `records` are in the order of each partition."""
    found: dict[tuple[int, int], Letter] = {}
    for record in records:
        at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        mark = _mark(record.value)
        if mark == "unknown":
            continue
        if mark is None:
            letter = Letter(record.partition, record.offset, at, record.key, _letter(record.value))
            found[record.partition, record.offset] = letter
        elif (marked := found.get((record.partition, mark.letter))) is not None:
            found[record.partition, mark.letter] = _after(marked, mark, record.offset, at)
    return sorted(_counted(found.values()), key=lambda one: (one.at, one.partition, one.offset))


def _letter(value: bytes | None) -> DeadLetter | None:
    try:
        return _LETTER.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _mark(value: bytes | None) -> DeadLetterMark | Literal["unknown"] | None:
    """None: no mark. "unknown": one of a newer release."""
    try:
        found = _ANY_MARK.decode(value or b"")
        return _MARK.decode(value or b"") if found.became in _KNOWN else "unknown"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _after(letter: Letter, mark: DeadLetterMark, offset: int, at: datetime) -> Letter:
    """What is done stays done; of two who would send it at once the first counts."""
    if letter.state in ("resent", "superseded"):
        return letter
    if mark.became == "resending":
        if mark.attempt != letter.claims + 1:
            return letter
        letter = replace(letter, claims=mark.attempt, claim=offset)
    if mark.became == "dropped" and letter.state == "resending":
        return letter
    return replace(letter, state=mark.became, state_at=at, mark=mark)


def _counted(letters: Iterable[Letter]) -> list[Letter]:
    """A record that was sent again and set aside again is a new letter: it knows how often that has been."""
    known = list(letters)
    sent = {
        (one.mark.topic, one.mark.partition, one.mark.offset): one
        for one in known
        if one.state == "resent" and one.mark is not None
    }
    return [replace(one, resends=_sent_before(one, sent)) for one in known]


def _sent_before(letter: Letter, sent: Mapping[Place, Letter]) -> int:
    count, before = 0, sent.get(letter.source)
    while before is not None and count < len(sent):
        count, before = count + 1, sent.get(before.source)
    return count


def named(letters: Sequence[Letter], ids: Iterable[str], topic: str) -> list[Letter]:
    """The letters of these ids (`partition:offset`, the topic before it or not), each once. Raises `CliError`."""
    known = {one.id: one for one in letters}
    found: dict[str, Letter] = {}
    for given in ids:
        short = given.removeprefix(f"{topic}:")
        partition, _, offset = short.partition(":")
        if not (_is_number(partition) and _is_number(offset)):
            raise CliError(
                "usage", f"{given}: not the id of a dead letter", hint="write partition:offset, as `list` prints it"
            )
        letter = known.get(f"{int(partition)}:{int(offset)}")
        if letter is None:
            raise CliError(
                "no_such_letter",
                f"{given}: there is no such dead letter",
                hint="`headrace dead-letters list --all` names those of the last 30 days",
                exit_code=EXIT_FINDINGS,
            )
        found[letter.id] = letter
    return list(found.values())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters are meant: None lets all pass. `every`: also those that are dealt with."""

    service: str | None = None
    reason: str | None = None
    since: datetime | None = None
    every: bool = False
    store: str | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether this one is."""
        service = None if letter.record is None else letter.record.service
        return (
            (self.every or letter.state in ("open", "resending"))
            and (self.service is None or self.service == service)
            and (self.reason is None or self.reason == letter.reason)
            and (self.since is None or letter.at >= self.since)
            and (self.store is None or self.store == letter.store)
        )


def not_sendable(letter: Letter, *, prefix: str, now: datetime) -> str:
    """Why a letter cannot be sent again, "" when it can."""
    record, mark = letter.record, letter.mark
    if letter.state == "resent" and mark is not None:
        return f"was sent again already: {mark.topic} partition {mark.partition} offset {mark.offset}"
    if letter.state == "superseded":
        return "a newer record of the same customer made it needless"
    if is_claimed(letter, now):
        return f"is being sent again, since {stamp(letter.state_at)}; if nobody is, ask once more in two minutes"
    if record is None:
        return "the letter itself cannot be read: only `drop` is left"
    if record.topic.removeprefix(prefix) not in _SENDABLE or not record.topic.startswith(prefix):
        return f"came from {record.topic}, where nothing can be put back"
    if record.value is None and not record.detail.endswith(LEFT_OUT):
        return "has no value: there is nothing to send"
    return ""


def is_claimed(letter: Letter, now: datetime) -> bool:
    """Whether somebody may be sending it at this moment."""
    return letter.state == "resending" and letter.state_at is not None and now < letter.state_at + CLAIM_HOLDS


def stamp(at: datetime | None) -> str:
    """RFC 3339, UTC; "" for none."""
    return "" if at is None else at.isoformat().replace("+00:00", "Z")

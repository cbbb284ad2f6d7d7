"""Dead letters in words, and what it means that one is sent again."""

from typing import Any, Final

import msgspec

from headrace.cli.letters import Letter, stamp
from headrace.contracts import topics
from headrace.contracts.events import (
    ATTRIBUTE_SET,
    CUSTOMER_PINNED,
    CUSTOMER_UNPINNED,
    Envelope,
)

_SAID: Final = frozenset({ATTRIBUTE_SET, CUSTOMER_PINNED, CUSTOMER_UNPINNED})
_NOTES: Final = {
    topics.NOTICES: "what it points at is read from the store again",
    topics.EVENTS: "it stands at the end of the log now; one that is known (by its id, or by a newer revision) changes"
    " nothing",
    topics.ACTIONS_EFFECTS: "an effect that is known to be done is not done again",
}
_OF_ACTIONS: Final = "it is the newest of its customer; of another version applied meanwhile the newer wins"
_OF_THE_SAID: Final = (
    "it was said by a person and counts as said now, over anything said since: look whether that is right"
)
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)


def meaning(letter: Letter) -> str:
    """What becomes of the record now that it is sent again, in one sentence; "" for one that cannot be read."""
    record = letter.record
    if record is None:
        return ""
    for name, note in _NOTES.items():
        if record.topic.endswith(name):
            return _OF_THE_SAID if name == topics.EVENTS and _kind(record.value) in _SAID else note
    return _OF_ACTIONS


def _kind(value: bytes | None) -> str:
    try:
        return _ENVELOPE.decode(value or b"").type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def describe(letter: Letter) -> dict[str, Any]:
    """One letter without its content: its id, when, why, where the record came from, what became of it."""
    found: dict[str, Any] = {"id": letter.id, "at": stamp(letter.at), "state": letter.state, "reason": letter.reason}
    record, mark = letter.record, letter.mark
    if record is None:
        found["detail"] = "the dead letter itself cannot be read"
    else:
        found |= {
            "detail": record.detail,
            "service": record.service,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": shown_key(record.key),
            "resends": letter.resends,
        }
    if mark is not None:
        handled: dict[str, Any] = {"at": stamp(letter.state_at), "reason": mark.reason}
        if mark.topic:
            handled |= {"topic": mark.topic, "partition": mark.partition, "offset": mark.offset}
        found["handled"] = handled
    return found


def shown_key(key: bytes | None, *, personal: bool = False) -> str | None:
    """A key as text; one with an address in it is masked."""
    if key is None:
        return None
    text = key.decode(errors="replace")
    return "***" if "@" in text and not personal else text


def list_text(said: dict[str, Any], hidden: int) -> str:
    """Two lines a letter, then the counts by reason. `hidden`: letters dealt with, which are not among them."""
    letters = said["dead_letters"]
    dealt = f"{hidden:,} dealt with: `list --all`" if hidden else ""
    if not letters:
        return f"no open dead letters ({dealt})" if dealt else "no dead letters"
    counts = ", ".join(f"{count:,} {reason}" for reason, count in said["reasons"].items())
    end = f"{len(letters):,} dead letters: {counts}" if len(letters) > 1 else f"1 dead letter: {counts}"
    return "\n".join([*(_row(one) for one in letters), end + (f" ({dealt})" if dealt else "")])


def _row(one: dict[str, Any]) -> str:
    lines = [f"{one['id']}  {one['at']}  {one['reason']}: {one['detail']}", f"    {_origin(one)}"]
    if became := _became(one):
        lines.append(f"    {became}")
    return "\n".join(lines)


def _origin(one: dict[str, Any]) -> str:
    if "topic" not in one:
        return "where it came from is not known"
    if one["offset"] < 0:
        place = f"for {one['topic']}"
    else:
        place = f"{one['topic']} partition {one['partition']} offset {one['offset']}"
    again = f", sent again {_times(one['resends'])} before" if one["resends"] else ""
    return f"{place}, key {one['key']}, set aside by {one['service']}{again}"


def _became(one: dict[str, Any]) -> str:
    handled = one.get("handled")
    if handled is None:
        return ""
    place = f"{handled.get('topic')} partition {handled.get('partition')} offset {handled.get('offset')}"
    words = {
        "resending": "begun to be sent again, not known to be done: `resend` finds out",
        "resent": f"sent again: {place}",
        "superseded": f"made needless by {place}",
        "dropped": f"dropped: {handled['reason']}",
    }
    return f"{handled['at']}  {words[one['state']]}"


def show_text(one: dict[str, Any]) -> str:
    """The letter, and what it holds below it."""
    if "encoding" not in one:
        return _row(one)
    size = f"{one['bytes']:,} bytes"
    if one["encoding"] == "none":
        return f"{_row(one)}\nno value"
    if one["value"] is None:
        return f"{_row(one)}\n{size}, no JSON: not shown, as nobody knows what of it is personal (--personal shows it)"
    kind = "JSON" if one["encoding"] == "json" else "base64"
    masked = ", personal data masked (--personal shows it)" if one["masked"] else ""
    return (
        f"{_row(one)}\n{size} of {kind}{masked}:\n{one['value']}"
        if kind == "JSON"
        else (f"{_row(one)}\n{size}, in base64:\n{one['value']}")
    )


def resend_text(said: dict[str, Any]) -> str:
    """A line a letter; what that means once for each kind."""
    lines = [
        f"{one['id']}  sent again: {one['topic']} partition {one['partition']} offset {one['offset']}"
        + (f" (the {_ordinal(one['times'])} time)" if one["times"] > 1 else "")
        for one in said["resent"]
    ]
    lines += [
        f"{one['id']}  not needed: {one['topic']} partition {one['partition']} offset {one['offset']} is newer"
        for one in said["superseded"]
    ]
    lines += [f"{one['id']}  not sent: {one['why']}" for one in said["refused"]]
    notes = dict.fromkeys((one["topic"], one["note"]) for one in said["resent"])
    lines += [f"{name}: {note}" for name, note in notes]
    return "\n".join(lines) or "no dead letters to send again"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _ordinal(count: int) -> str:
    ending = "th" if 10 < count % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    return f"{count}{ending}"

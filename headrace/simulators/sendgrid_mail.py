"""SendGrid's mail/send: what it checks, what it takes in with 202 and to whom it delivers.

Its traps: a repeat is sent again, there is no key; a suppressed recipient is taken in like any other and dropped in
silence; nothing but the message's own number comes back, and that in a header.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from headrace.simulators.effects import Effects, effect_id

SINK: Final = "sendgrid"
MOST_RECIPIENTS: Final = 1000
_MOST_BYTES: Final = 30 * 1024 * 1024
_MOST_ARGUMENTS: Final = 10_000
_MOST_CATEGORIES: Final = 10
_LONGEST_WAIT: Final = timedelta(hours=72)
_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a body is refused; `field` as the vendor names it."""

    status: int
    message: str
    field: str | None = None


def problem_of(body: Any, size: int, now: datetime) -> Problem | None:
    """What the vendor has against a body; None: it takes it in."""
    if size > _MOST_BYTES:
        return Problem(413, "The total size of your email must be less than 30MB.")
    if not isinstance(body, dict):
        return Problem(400, "Bad Request")
    return next(_problems(body, now), None)


def _problems(body: Mapping[str, Any], now: datetime) -> Iterator[Problem]:
    parts = body.get("personalizations")
    if not isinstance(parts, list) or not 1 <= len(parts) <= MOST_RECIPIENTS:
        yield Problem(400, "The personalizations field is required and must have at least one.", "personalizations")
        return
    everybody = 0
    for number, part in enumerate(parts):
        to = part.get("to") if isinstance(part, dict) else None
        if not isinstance(to, list) or not to:
            yield Problem(
                400, "The to array is required for all personalization objects.", f"personalizations.{number}"
            )
            return
        everyone = [one for name in ("to", "cc", "bcc") for one in part.get(name) or ()]
        everybody += len(everyone)
        if not all(_is_address(one) for one in everyone):
            yield Problem(400, "Does not contain a valid address.", f"personalizations.{number}.to.0.email")
        if len(set(map(_address, everyone))) < len(everyone):
            message = "Each email address in the personalization block should be unique between to, cc, and bcc."
            yield Problem(400, message, f"personalizations.{number}")
    if everybody > MOST_RECIPIENTS:
        yield Problem(400, "The maximum number of recipients is 1000.", "personalizations")
    yield from _of_the_rest(body, parts, now)


def _of_the_rest(body: Mapping[str, Any], parts: list[Any], now: datetime) -> Iterator[Problem]:
    if not _is_address(body.get("from")):
        yield Problem(400, "The from object must be provided for every email send.", "from.email")
    template = body.get("template_id")
    if template is not None and not str(template).startswith("d-"):
        yield Problem(400, "The template_id must be a valid template.", "template_id")
    if template is None and not (body.get("content") or ()):
        yield Problem(400, "Unless a valid template_id is provided, the content parameter is required.", "content")
    subjects = [body.get("subject") or part.get("subject") for part in parts]
    if template is None and not all(subjects):
        yield Problem(400, "The subject is required.", "subject")
    for part in (body, *parts):
        arguments = part.get("custom_args") or {}
        if not isinstance(arguments, dict) or len(msgspec.json.encode(arguments)) >= _MOST_ARGUMENTS:
            yield Problem(400, "The custom_args must be less than 10000 bytes.", "custom_args")
        at = part.get("send_at")
        if at is not None and (not isinstance(at, int) or at > (now + _LONGEST_WAIT).timestamp()):
            yield Problem(400, "The send_at must be within 72 hours.", "send_at")
    if len(body.get("categories") or ()) > _MOST_CATEGORIES:
        yield Problem(400, "There may be at most 10 categories.", "categories")


def deliver(effects: Effects, body: Mapping[str, Any], suppressed: Set[str], now: datetime, number: str) -> bool:
    """Count every personalization by its effect; False when nobody gets anything."""
    reached = False
    for place, part in enumerate(body["personalizations"]):
        arguments = {**(body.get("custom_args") or {}), **(part.get("custom_args") or {})}
        to = [_address(one) for one in part["to"]]
        reaches = any(each not in suppressed for each in to)
        key = effect_id(*arguments.values()) or f"{number}/{place}"
        effects.ask(SINK, key)
        effects.take(SINK, key, now, to=", ".join(to), reaches=reaches, template=body.get("template_id"))
        reached = reached or reaches
    return reached


def _is_address(one: object) -> bool:
    return isinstance(one, dict) and _ADDRESS.fullmatch(str(one.get("email", ""))) is not None


def _address(one: Mapping[str, Any]) -> str:
    return str(one.get("email", "")).lower()

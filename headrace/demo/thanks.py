"""Who must be thanked: one mail with a coupon of its own to each who became a VIP before our eyes, having consented.

Who is a VIP, and since which event of the log, is added up here by hand; what was sent is the mail server's own list.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from headrace.demo.book import Booked
from headrace.demo.people import Person
from headrace.demo.rungs import PLATINUM_ABOVE_MINOR

MAIL: Final = "mail"
"""The sender, in the book."""
SENT: Final = "sent"
UNKNOWN: Final = "unknown"
_SINKS: Final = ("smtp", "coupon")
_CODE: Final = re.compile(r"\bHR-[2-9A-HJ-NP-Z]{16}\b")


@dataclass(slots=True)
class Spender:
    """One customer of the log so far. `thanked`: above the limit for the first time, live, and with consent then."""

    consent: bool = False
    revision: str = ""
    orders: dict[str, int] = field(default_factory=dict)
    thanked: bool = False

    def told(self, subscribed: object, revision: str) -> None:
        """The customer's own snapshot; an older one says nothing new. No word is no consent."""
        if revision > self.revision:
            self.consent, self.revision = subscribed is True, revision

    def ordered(self, order_id: str, minor: int, origin: str, clock: datetime | None) -> None:
        """An order counts for so many pence now. What a later look at the store finds is as good as live."""
        before = self.is_vip
        self.orders[order_id] = minor
        happens = origin == "live" or (origin == "reconcile" and clock is not None)
        self.thanked |= self.is_vip and not before and self.consent and happens

    @property
    def is_vip(self) -> bool:
        """Above the limit."""
        return sum(self.orders.values()) > PLATINUM_ABOVE_MINOR


@dataclass(frozen=True, slots=True)
class Sent:
    """What the store's vendors hold: every mail that was taken (`GET /_sim/mails`), `GET /_sim/truth`, and the book."""

    mails: Sequence[Mapping[str, Any]]
    truth: Mapping[str, Any]
    book: Sequence[Booked] = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """One difference. `customer` None: of the store as such."""

    customer: int | None
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Thanks:
    """One mail that was sent, without its address."""

    customer: str
    subject: str
    coupon: str


def wrong_thanks(
    customers: Mapping[int, Person], spenders: Mapping[str, Spender], sent: Sent, *, store: str, live: bool
) -> Iterator[Wrong]:
    """Mails and coupons that are missing, too many, or nobody's. Not `live`: nothing may have been sent at all.

    A mail that the book calls unknown may have arrived once, or not at all.
    """
    arrived, made = _by_customer(customers, sent.mails), _made(sent.truth)
    booked = {one.customer: one for one in sent.book if one.sender == MAIL}
    in_doubt = 0
    for number, person in customers.items():
        who = f"{store}:{number}"
        spender, entry, mails = spenders.get(who), booked.get(who), arrived.pop(number, [])
        wanted = int(live and person.subscribed and spender is not None and spender.thanked)
        yield from _wrong_mails(number, wanted, mails, entry)
        yield from _wrong_coupons(number, mails, made)
        in_doubt += entry is not None and entry.state == UNKNOWN and not mails
    for others in arrived.values():
        yield Wrong(None, "no mail to a stranger", _told(len(others)))
    yield from _wrong_on_the_whole(sent, made, in_doubt)


def _by_customer(
    customers: Mapping[int, Person], mails: Iterable[Mapping[str, Any]]
) -> dict[int | None, list[Mapping[str, Any]]]:
    """None: to somebody who is no customer."""
    by_email = {person.email.casefold(): number for number, person in customers.items()}
    found: dict[int | None, list[Mapping[str, Any]]] = {}
    for mail in mails:
        for address in mail["to"]:
            found.setdefault(by_email.get(address.casefold()), []).append(mail)
    return found


def _made(truth: Mapping[str, Any]) -> Counter[str]:
    """How often the store made each coupon."""
    made: Counter[str] = Counter()
    for row in truth["effects"]:
        if row["sink"] == "coupon":
            made[row["id"]] += row["count"]
    return made


def _wrong_mails(number: int, wanted: int, mails: Sequence[Mapping[str, Any]], entry: Booked | None) -> Iterator[Wrong]:
    state = "" if entry is None else entry.state
    missing_in_doubt = wanted and state == UNKNOWN and not mails
    if len(mails) != wanted and not missing_in_doubt:
        yield Wrong(number, _told(wanted), _told(len(mails), entry))
    elif mails and state not in (SENT, UNKNOWN):
        yield Wrong(number, f"1 mail ({SENT})", _told(1, entry))
    elif not wanted and state == UNKNOWN:
        yield Wrong(number, _told(0), _told(0, entry))


def _wrong_coupons(number: int, mails: Iterable[Mapping[str, Any]], made: Mapping[str, int]) -> Iterator[Wrong]:
    for mail in mails:
        codes = codes_in(mail)
        if len(codes) != 1:
            yield Wrong(number, "a mail with a coupon", f"a mail with {len(codes)} coupons")
        elif made.get(codes[0], 0) != 1:
            yield Wrong(number, "a coupon that the store made once", f"made {made.get(codes[0], 0)} times")


def _wrong_on_the_whole(sent: Sent, made: Counter[str], in_doubt: int) -> Iterator[Wrong]:
    """A coupon without a mail is one of a mail in doubt; nothing else was done than mails and coupons."""
    for row in sent.truth["effects"]:
        if row["sink"] not in _SINKS:
            yield Wrong(None, "mails and coupons only", f"{row['count']} at {row['sink']}")
    given = Counter(code for mail in sent.mails for code in codes_in(mail))
    for count in given.values():
        if count > 1:
            yield Wrong(None, "each coupon in one mail", f"one in {count} mails")
    if (spare := len(made.keys() - given.keys())) > in_doubt:
        yield Wrong(None, f"coupons without a mail: {in_doubt} at most", str(spare))


def codes_in(mail: Mapping[str, Any]) -> list[str]:
    """The coupons that a mail tells of, as text and as HTML the same."""
    return sorted({*_CODE.findall(mail["text"]), *_CODE.findall(mail["html"])})


def one_mail(customers: Mapping[int, Person], mails: Iterable[Mapping[str, Any]], *, store: str) -> Thanks | None:
    """The last that was sent with a coupon; the name is taken out of its subject."""
    by_email = {person.email.casefold(): person for person in customers.values()}
    last = next((mail for mail in reversed([*mails]) if codes_in(mail) and mail["to"][0].casefold() in by_email), None)
    if last is None:
        return None
    person = by_email[last["to"][0].casefold()]
    subject = last["subject"].replace(person.first_name, "...")
    return Thanks(f"{store}:{person.customer}", subject, codes_in(last)[0])


def _told(count: int, entry: Booked | None = None) -> str:
    told = "no mail" if count == 0 else f"{count} mail{'' if count == 1 else 's'}"
    why = "" if entry is None else ": ".join(part for part in (entry.state, entry.reason) if part)
    return f"{told} ({why})" if why else told

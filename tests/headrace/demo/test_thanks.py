"""Who is to be thanked, from the log; and every way in which mails and coupons can be wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace.demo.book import Booked
from headrace.demo.people import Person, customer
from headrace.demo.thanks import Sent, Spender, Wrong, one_mail, wrong_thanks

CLOCK = datetime(2010, 1, 1, tzinfo=UTC)
CODES = ("HR-AAAAAAAAAAAAAAAA", "HR-BBBBBBBBBBBBBBBB")
PEOPLE = {number: customer(number, "France", seed=1) for number in range(1, 40)}
WILLING, UNWILLING = (
    next(number for number, person in PEOPLE.items() if person.subscribed is subscribed) for subscribed in (True, False)
)
Story = Callable[[Spender], None]


def spender(*orders: tuple[str, int, str], consent: bool | None = True, clock: datetime | None = CLOCK) -> Spender:
    """Orders as (id, pence, origin)."""
    made = Spender()
    made.told(consent, "1")
    for order_id, minor, origin in orders:
        made.ordered(order_id, minor, origin, clock)
    return made


@pytest.mark.parametrize(
    ("who", "thanked"),
    [
        (spender(("1", 5_000_00, "live")), False),
        (spender(("1", 5_000_01, "live")), True),
        (spender(("1", 5_000_00, "live"), ("2", 1, "live")), True),
        (spender(("1", 9_000_00, "live"), ("1", 0, "live")), True),  # a mail is not taken back
        (spender(("1", 9_000_00, "live"), consent=False), False),
        (spender(("1", 9_000_00, "live"), consent=None), False),
        (spender(("1", 9_000_00, "backfill"), ("2", 1, "live")), False),  # was one before
        (spender(("1", 9_000_00, "import")), False),
        (spender(("1", 9_000_00, "reconcile")), True),
        (spender(("1", 9_000_00, "reconcile"), clock=None), False),  # nobody knows how old that is
        (spender(("1", 9_000_00, "backfill"), ("1", 0, "live"), ("2", 9_000_00, "live")), True),
    ],
)
def test_spender__story__is_thanked_or_not(who: Spender, thanked: bool) -> None:
    assert who.thanked is thanked


def test_spender__consents_only_later__is_not_thanked() -> None:
    made = spender(("1", 9_000_00, "live"), consent=False)
    made.told(True, "2")
    made.ordered("2", 1, "live", CLOCK)
    assert not made.thanked


def test_spender__older_word__changes_nothing() -> None:
    made = spender()
    made.told(False, "0")
    assert made.consent


def mail(number: int, *codes: str, people: dict[int, Person] = PEOPLE) -> dict[str, Any]:
    text = f"Your code: {' or '.join(codes)}"
    person = people[number]
    return {"to": [person.email.upper()], "subject": f"Thank you, {person.first_name}", "text": text, "html": text}


def coupons(*codes: str, count: int = 1) -> dict[str, Any]:
    return {"effects": [{"sink": "coupon", "id": code, "count": count} for code in codes]}


def booked(state: str, number: int = WILLING) -> list[Booked]:
    return [Booked("e1", f"s:{number}", "mail", state)]


def wrong(sent: Sent, *thanked: int, live: bool = True) -> list[Wrong]:
    spenders = {f"s:{number}": spender(("1", 9_000_00, "live")) for number in thanked}
    return list(wrong_thanks(PEOPLE, spenders, sent, store="s", live=live))


RIGHT = Sent([mail(WILLING, CODES[0])], coupons(CODES[0]), booked("sent"))
NOTHING = Sent([], coupons())


@pytest.mark.parametrize(
    ("sent", "thanked"),
    [
        (RIGHT, [WILLING]),
        (NOTHING, []),
        (NOTHING, [UNWILLING]),
        # A crash between the mail server's answer and our record, or just before the mail.
        (Sent(RIGHT.mails, RIGHT.truth, booked("unknown")), [WILLING]),
        (Sent([], coupons(CODES[0]), booked("unknown")), [WILLING]),
        (Sent([], coupons(), booked("unknown")), [WILLING]),
    ],
)
def test_wrong_thanks__as_it_must_be__says_nothing(sent: Sent, thanked: list[int]) -> None:
    assert wrong(sent, *thanked) == []


@pytest.mark.parametrize(
    ("sent", "thanked", "found"),
    [
        (NOTHING, [WILLING], Wrong(WILLING, "1 mail", "no mail")),
        (Sent([], coupons(), booked("expired")), [WILLING], Wrong(WILLING, "1 mail", "no mail (expired)")),
        (RIGHT, [], Wrong(WILLING, "no mail", "1 mail (sent)")),
        (
            Sent([mail(UNWILLING, CODES[0])], coupons(CODES[0]), booked("sent", UNWILLING)),
            [UNWILLING],
            Wrong(UNWILLING, "no mail", "1 mail (sent)"),
        ),
        (
            Sent([mail(WILLING, CODES[0]), mail(WILLING, CODES[1])], coupons(*CODES), booked("unknown")),
            [WILLING],
            Wrong(WILLING, "1 mail", "2 mails (unknown)"),
        ),
        (Sent([], coupons(), booked("unknown")), [], Wrong(WILLING, "no mail", "no mail (unknown)")),
        (
            Sent(RIGHT.mails, RIGHT.truth, booked("waiting")),
            [WILLING],
            Wrong(WILLING, "1 mail (sent)", "1 mail (waiting)"),
        ),
        (
            Sent([mail(WILLING)], coupons(), booked("sent")),
            [WILLING],
            Wrong(WILLING, "a mail with a coupon", "a mail with 0 coupons"),
        ),
        (
            Sent(RIGHT.mails, coupons(), booked("sent")),
            [WILLING],
            Wrong(WILLING, "a coupon that the store made once", "made 0 times"),
        ),
        (
            Sent(RIGHT.mails, coupons(CODES[0], count=2), booked("sent")),
            [WILLING],
            Wrong(WILLING, "a coupon that the store made once", "made 2 times"),
        ),
        (
            Sent(RIGHT.mails, coupons(*CODES), booked("sent")),
            [WILLING],
            Wrong(None, "coupons without a mail: 0 at most", "1"),
        ),
        (
            Sent(RIGHT.mails, {"effects": [*RIGHT.truth["effects"], {"sink": "webhook", "count": 2}]}, RIGHT.book),
            [WILLING],
            Wrong(None, "mails and coupons only", "2 at webhook"),
        ),
    ],
)
def test_wrong_thanks__each_way_to_be_wrong__is_named(sent: Sent, thanked: list[int], found: Wrong) -> None:
    assert wrong(sent, *thanked) == [found]


def test_wrong_thanks__mail_to_a_stranger__is_of_the_store() -> None:
    strangers = {99: customer(99, "France", seed=2)}
    sent = Sent([*RIGHT.mails, mail(99, CODES[1], people=strangers)], coupons(*CODES), RIGHT.book)
    assert wrong(sent, WILLING) == [Wrong(None, "no mail to a stranger", "1 mail")]


def test_wrong_thanks__one_coupon_in_two_mails__is_of_the_store() -> None:
    others = [number for number, person in PEOPLE.items() if person.subscribed][:2]
    sent = Sent(
        [mail(number, CODES[0]) for number in others],
        coupons(CODES[0]),
        [*booked("sent", others[0]), *booked("sent", others[1])],
    )
    assert wrong(sent, *others) == [Wrong(None, "each coupon in one mail", "one in 2 mails")]


def test_wrong_thanks__all_happened_before__nothing_may_have_been_sent() -> None:
    assert wrong(RIGHT, WILLING, live=False) == [Wrong(WILLING, "no mail", "1 mail (sent)")]
    assert wrong(NOTHING, WILLING, live=False) == []


def test_one_mail__the_last__names_nobody() -> None:
    found = one_mail(PEOPLE, [mail(1, CODES[0]), mail(2, CODES[1]), mail(3)], store="s")
    assert found is not None
    assert (found.customer, found.subject, found.coupon) == ("s:2", "Thank you, ...", CODES[1])


def test_one_mail__none_was_sent__is_none() -> None:
    assert one_mail(PEOPLE, [], store="s") is None

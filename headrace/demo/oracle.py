"""What the demo must end in, computed a second time by the simplest means: plain sums over the scenario's orders.

The demo's rule set is written out here by hand; nothing of the rule language or the core is used. Comparing
with the simulated vendors is in `verify.py`.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from headrace.demo.log_fold import Latched, LogFold
from headrace.demo.people import WHOLESALE_DOMAINS, Person
from headrace.demo.rungs import (
    GOLD_FROM_MINOR,
    NAMES,
    PLATINUM_ABOVE_MINOR,
    RHYTHMS,
    ZONE,
    Loyalty,
    Rhythm,
    rung_of,
)
from headrace.demo.scenario import Scenario
from headrace.demo.shop import Order

WIN_BACK_AFTER_DAYS: Final = 90
COUNTRY_VALUES: Final = {
    "GB": "United Kingdom",
    "DE": "Germany",
    "FR": "France",
    "IE": "Ireland",
    "NL": "Netherlands",
    "ES": "Spain",
    "BE": "Belgium",
    "CH": "Switzerland",
    "PT": "Portugal",
    "AU": "Australia",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """A store customer's end: group name, text of the mirrored store attribute, tags at Mailchimp."""

    group: str
    attributes: str
    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Expectation:
    """`customers` by number in the file; `guests`: tags by e-mail address."""

    customers: dict[int, Expected]
    guests: dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class AtKlaviyo:
    """What a person has there."""

    tags: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()


def at_klaviyo(tags: frozenset[str]) -> AtKlaviyo:
    """Of somebody with these tags at Mailchimp: the best customers, and those to win back."""
    return AtKlaviyo(tags & {"VIP", "Win back"}, tags & {"VIP"})


@dataclass(slots=True)
class Bought:
    """What a person's orders come to: pence, and when the last one that counts was made."""

    minor: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Climbed:
    """Numbers of the rungs, as the log says."""

    loyalty: int
    rhythm: int


def expect(scenario: Scenario, log: LogFold, *, store: str, now: datetime) -> Expectation:
    """The end of everyone in the scenario, when the store's clock shows `now`.

    Of the log only what latched and which rung is kept in grace; what was spent is the scenario's.
    """
    for climber in (*log.loyalty.values(), *log.rhythm.values()):
        climber.pass_time(now)
    counted = counted_amounts(scenario)
    wholly_refunded = {refund.order_id for refund in scenario.shop.refunds if refund.whole}
    bought: dict[int, Bought] = defaultdict(Bought)
    guests: dict[str, frozenset[str]] = {}
    for order in scenario.shop.orders:
        mine = bought[order.customer] if order.customer else Bought()
        mine.minor += counted[order.id]
        if order.id not in wholly_refunded:
            mine.last_at = max(mine.last_at or order.at, order.at)
        if not order.customer:
            guests[scenario.guests[order.id].email] = _tags_of_spend(mine, now)
    customers = {}
    for number, person in scenario.customers.items():
        subject = f"{store}:{number}"
        climbed = Climbed(log.loyalty.get(subject, Loyalty()).rung, log.rhythm.get(subject, Rhythm()).rung)
        customers[number] = _customer(person, bought[number], log.latched.get(subject, Latched()), climbed, now)
    return Expectation(customers, guests)


def counted_amounts(scenario: Scenario) -> dict[int, int]:
    """Pence each order counts for by its id: its total less its refunds; nothing once it is refunded whole."""
    amounts = {event.id: event.total_minor for event in scenario.shop.events if isinstance(event, Order)}
    for refund in scenario.shop.refunds:
        amounts[refund.order_id] = 0 if refund.whole else max(0, amounts[refund.order_id] - refund.amount_minor)
    return amounts


def expected_group(person: Person, spent_minor: int, latched: Latched, kept_rung: int = 0) -> str:
    """The highest of the groups that claim the customer; `kept_rung`: kept for a while though less was spent."""
    if is_wholesale(person.email_domain):
        return "Wholesale"
    if rung := max(rung_of(spent_minor), kept_rung):
        return NAMES[rung]
    if latched.bulk_buyer:
        return "Bulk buyers"
    return "Bijou" if latched.bijou_buyer else "Silver"


def is_wholesale(domain: str) -> bool:
    """One of the two domains, or a subdomain of them."""
    return any(domain == parent or domain.endswith(f".{parent}") for parent in WHOLESALE_DOMAINS)


def is_lapsed(last_at: datetime, now: datetime) -> bool:
    """More than so many days of the shop's calendar ago."""
    return (now.astimezone(ZONE).date() - last_at.astimezone(ZONE).date()).days > WIN_BACK_AFTER_DAYS


def _customer(person: Person, bought: Bought, latched: Latched, climbed: Climbed, now: datetime) -> Expected:
    tags, spent_minor = set(_tags_of_spend(bought, now)), bought.minor
    if person.country and person.country.code == "GB" and person.subscribed:
        tags.add("UK")
    if latched.returner:
        tags.add("Returner")
    group = expected_group(person, spent_minor, latched, climbed.loyalty)
    values = [*_values(person, spent_minor, latched), f"rhythm={RHYTHMS[climbed.rhythm]}"]
    return Expected(group, mirror(values), frozenset(tags))


def _tags_of_spend(bought: Bought, now: datetime) -> frozenset[str]:
    tags = {"VIP"} if bought.minor > PLATINUM_ABOVE_MINOR else set[str]()
    if bought.minor >= GOLD_FROM_MINOR and bought.last_at is not None:
        tags.add("Win back" if is_lapsed(bought.last_at, now) else "Active")
    return frozenset(tags)


def _values(person: Person, spent_minor: int, latched: Latched) -> list[str]:
    values = []
    if person.country and person.country.code in COUNTRY_VALUES:
        values.append(f"country={COUNTRY_VALUES[person.country.code]}")
    if is_wholesale(person.email_domain):
        values.append("type=wholesale")
    if spent_minor > PLATINUM_ABOVE_MINOR:
        values.append("tier=VIP")
    if latched.bulk_buyer:
        values.append("interests=bulk")
    if latched.bijou_buyer:
        values.append("interests=bijou")
    return values


def mirror(values: list[str]) -> str:
    """`;country=United Kingdom;interests=bulk;`, or "" for none."""
    return f";{';'.join(sorted(values))};" if values else ""

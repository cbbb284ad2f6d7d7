"""The demo's verification: the simulated vendors' end against the second computation, difference by difference.

With a rule set other than the demo's, only what needs no rule is compared: every order in the log, as it ended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from headrace.demo.log_fold import LogFold, SeenOrder
from headrace.demo.oracle import AtKlaviyo, Expectation, at_klaviyo, expect
from headrace.demo.scenario import Scenario
from headrace.demo.thanks import Sent, wrong_thanks

Kind = Literal["group", "attribute", "tag", "effect", "event", "call"]


@dataclass(frozen=True, slots=True)
class Difference:
    """`customer`: store:customer, or store:guest for a guest (by order, no personal data). `event`: of the log.

    `effect`: a mail or a coupon. `call`: the store (`customer` is its name) was asked with a wrong key, or about people
    it does not have.
    """

    customer: str
    kind: Kind
    expected: str | list[str] | None
    actual: str | list[str] | None


@dataclass(frozen=True, slots=True)
class Verification:
    """`limited`: the rules are not the demo's, so groups, attributes and tags were not compared."""

    ok: bool
    limited: bool
    customers_checked: int
    differences: tuple[Difference, ...]

    def as_report(self) -> dict[str, Any]:
        """The `verification` object of `headrace demo --json`."""
        return {
            "ok": self.ok,
            "limited": self.limited,
            "customers_checked": self.customers_checked,
            "differences": [asdict(difference) for difference in self.differences],
        }


def all_of(verifications: Sequence[Verification]) -> Verification:
    """Several stores' as one."""
    return Verification(
        all(each.ok for each in verifications),
        any(each.limited for each in verifications),
        sum(each.customers_checked for each in verifications),
        tuple(difference for each in verifications for difference in each.differences),
    )


def verify(
    scenario: Scenario,
    log: LogFold,
    sent: Sent,
    calls: Mapping[str, Any],
    *,
    store: str,
    now: datetime,
    demo_rules: bool = True,
    live: bool = True,
) -> Verification:
    """Compare what the vendors hold with what the scenario and the log say, the store's clock being at `now`.

    `calls` is `GET /_sim/calls`. `demo_rules` False compares the calls and the log only. Not `live`: all happened
    before Headrace was connected.
    """
    differences = [*call_differences(calls, store=store), *order_differences(scenario, log, store=store)]
    if demo_rules:
        expectation = expect(scenario, log, store=store, now=now)
        differences += truth_differences(scenario, expectation, sent.truth, store=store)
        for each in wrong_thanks(scenario.customers, log.spenders, sent, store=store, live=live):
            who = store if each.customer is None else f"{store}:{each.customer}"
            differences.append(Difference(who, "effect", each.expected, each.actual))
    checked = len(scenario.customers) + len(scenario.guests)
    return Verification(not differences, not demo_rules, checked, tuple(differences))


def call_differences(calls: Mapping[str, Any], *, store: str) -> Iterator[Difference]:
    """No call carried another store's key (401), none named a customer that the store never had."""
    found = {"refused for their key": calls["by_status"].get("401", 0), "about strangers": calls["unknown_customers"]}
    for what, count in found.items():
        if count:
            yield Difference(store, "call", f"0 {what}", f"{count} {what}")


def order_differences(scenario: Scenario, log: LogFold, *, store: str) -> Iterator[Difference]:
    """Orders that are not in the log under their owner, or did not end there as they ended in the shop."""
    refunds: dict[int, int] = {}
    status: dict[int, str] = {}
    for refund in scenario.shop.refunds:
        refunds[refund.order_id] = refunds.get(refund.order_id, 0) + refund.amount_minor
        status[refund.order_id] = "refunded" if refund.whole else "partially_refunded"
    for order in scenario.shop.orders:
        owner = f"{store}:{order.customer}" if order.customer else f"{store}:guest-"
        state = status.get(order.id, "awaiting_fulfillment")
        expected = _story(order.id, state, order.total_minor, refunds.get(order.id, 0))
        actual = _seen_story(order.id, log.orders.get(str(order.id)), owner)
        if actual != expected:
            yield Difference(_name(owner, order.id), "event", expected, actual)


def _name(owner: str, order_id: int) -> str:
    return f"{owner}order-{order_id}" if owner.endswith("guest-") else owner


def _seen_story(order_id: int, seen: SeenOrder | None, owner: str) -> str | None:
    if seen is None:
        return None
    if not (seen.subject == owner or (owner.endswith(":guest-") and seen.subject.startswith(owner))):
        return f"order {order_id} under another customer"
    return _story(order_id, seen.status, seen.total_minor, seen.refunded_minor)


def _story(order_id: int, status: str, total_minor: int, refunded_minor: int) -> str:
    return f"order {order_id} {status} total {total_minor} refunded {refunded_minor}"


def truth_differences(
    scenario: Scenario, expectation: Expectation, truth: Mapping[str, Any], *, store: str
) -> Iterator[Difference]:
    """Groups, attributes and tags at the vendors that are not what they must be, strangers included."""
    for number, expected in expectation.customers.items():
        actual = truth["customers"].get(str(number))
        who = f"{store}:{number}"
        if actual is None:
            yield Difference(who, "group", expected.group, None)
            continue
        if actual["group"] != expected.group:
            yield Difference(who, "group", expected.group, actual["group"])
        mirrored = "".join(actual["attributes"].values())
        if mirrored != expected.attributes:
            yield Difference(who, "attribute", expected.attributes, mirrored)
        yield from _tag_difference(who, expected.tags, actual["tags"])
    yield from _guest_differences(scenario, expectation, truth, store)
    yield from _klaviyo_differences(scenario, expectation, truth, store)
    yield from _strangers(scenario, expectation, truth, store)


def _tag_difference(who: str, expected: frozenset[str], actual: Iterable[str]) -> Iterator[Difference]:
    if expected != set(actual):
        yield Difference(who, "tag", sorted(expected), sorted(actual))


def _guest_differences(
    scenario: Scenario, expectation: Expectation, truth: Mapping[str, Any], store: str
) -> Iterator[Difference]:
    members = {email.casefold(): member["tags"] for email, member in truth["members"].items()}
    for order_id, person in scenario.guests.items():
        tags = members.get(person.email.casefold(), ())
        yield from _tag_difference(f"{store}:guest-order-{order_id}", expectation.guests[person.email], tags)


def _klaviyo_differences(
    scenario: Scenario, expectation: Expectation, truth: Mapping[str, Any], store: str
) -> Iterator[Difference]:
    """Profiles of everybody, and of strangers."""
    wanted = {
        scenario.customers[number].email: (f"{store}:{number}", at_klaviyo(end.tags))
        for number, end in expectation.customers.items()
    }
    for order_id, person in scenario.guests.items():
        wanted[person.email] = f"{store}:guest-order-{order_id}", at_klaviyo(expectation.guests[person.email])
    by_email = {email.casefold(): each for email, each in wanted.items()}
    profiles = {email.casefold(): profile for email, profile in truth["platforms"]["klaviyo"].items()}
    for email in sorted(by_email.keys() | profiles.keys()):
        who, end = by_email.get(email, (f"{store}:unknown-profile", AtKlaviyo()))
        profile = profiles.get(email, {"tags": (), "lists": ()})
        expected, actual = _labels(end.tags, end.lists), _labels(profile["tags"], profile["lists"])
        if expected != actual:
            yield Difference(who, "tag", expected, actual)


def _labels(tags: Iterable[str], lists: Iterable[str]) -> list[str]:
    return [*(f"klaviyo:{tag}" for tag in sorted(tags)), *(f"klaviyo list:{name}" for name in sorted(lists))]


def _strangers(
    scenario: Scenario, expectation: Expectation, truth: Mapping[str, Any], store: str
) -> Iterator[Difference]:
    known = {str(number) for number in expectation.customers}
    for number, actual in truth["customers"].items():
        if number not in known:
            yield Difference(f"{store}:{number}", "group", None, actual["group"])
    emails = {person.email.casefold() for person in (*scenario.customers.values(), *scenario.guests.values())}
    for email, member in truth["members"].items():
        if member["tags"] and email.casefold() not in emails:
            yield Difference(f"{store}:unknown-member", "tag", [], sorted(member["tags"]))

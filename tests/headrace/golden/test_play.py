"""Cases played: time moves and wakes, events come as ingest would publish them, what differs is told and no more."""

from typing import Any

import pytest

from headrace.golden.suite import Outcome, run_suite
from headrace.rules.findings import Report
from headrace.rules.load import Source, load_texts
from headrace.rules.yaml_source import compose

RULES = """\
store: {timezone: America/New_York, currency: USD}
groups: [{name: Gold}, {name: Silver}]
group_order: [Gold, Silver]
ladders:
  - id: loyalty
    by: customer.spend
    rungs: [{group: Silver}, {group: Gold, from: 100, tags: {mailchimp: [VIP, Gold]}, attributes: {tier: Gold}}]
segments:
  - {id: quiet, who: {customer.last_order_at: {older_than: 30 days}}, attributes: {mood: quiet}}
rules:
  - id: thanks
    when: order.placed
    then: [{send_email: {template: thanks}}, {notify_staff: {channel: sales, text: An order}}]
"""

WITHOUT = "{store: {timezone: America/New_York, currency: USD}}"
WITH = "{store: {timezone: America/New_York, currency: USD}, groups: [{name: Silver}], group_order: [Silver]}"


def play(history: str, expect: str, rules: str = RULES) -> Outcome:
    report = Report()
    text = f"- name: one\n  history: [{history}]\n  expect: {expect}\n"
    node = compose(text, "x.test.yaml", report)
    assert node is not None
    assert report.findings == []
    return run_suite(load_texts([Source("rules.yaml", rules)]), node, twice=True)


def differing(history: str, expect: str) -> tuple[dict[str, Any], dict[str, Any]]:
    outcome = play(history, expect)
    assert outcome.findings == ()
    assert outcome.passed == 0
    (failure,) = outcome.failures
    assert (failure.case, failure.place.file, failure.place.line) == ("one", "x.test.yaml", 3)
    return failure.expected, failure.actual


ANN = "{customer: {email: ann@example.org, subscribed: true}}"
BOUGHT = f"{ANN}, {{order: {{id: 1, value: 100.00, at: 2026-01-05 12:00}}}}"


@pytest.mark.parametrize(
    "expect",
    [
        "{group: Gold}",
        "{group: Gold, rungs: {loyalty: Gold}, attributes: {tier: [Gold]}, tags: {mailchimp: [Gold, VIP]}, lists: {}}",
        "{segments: [], not: {segments: [quiet], group: Silver, attributes: {tier: [Silver], mood: [quiet]}}}",
        "{effects: [notify_staff, send_email]}",
        "{effects: [{send_email: {template: thanks}}, {notify_staff: {channel: sales}}]}",
        "{totals: {spend: 100.00, orders: 1, items: 1}, deleted: false}",
        "{segments: [], at: 2026-02-04 23:59:59}",
        "{segments: [quiet], attributes: {mood: quiet}, at: 2026-02-05}",
    ],
)
def test_play__as_expected__passes(expect: str) -> None:
    outcome = play(BOUGHT, expect)
    assert (outcome.passed, outcome.failures, outcome.findings) == (1, (), ())
    assert outcome.ok


@pytest.mark.parametrize(
    ("expect", "expected", "actual"),
    [
        ("{group: Silver, segments: []}", {"group": "Silver"}, {"group": "Gold"}),
        ("{group: null}", {"group": None}, {"group": "Gold"}),
        ("{rungs: {loyalty: Silver}}", {"rungs": {"loyalty": "Silver"}}, {"rungs": {"loyalty": "Gold"}}),
        ("{attributes: {}}", {"attributes": {}}, {"attributes": {"tier": ["Gold"]}}),
        (
            "{tags: {mailchimp: [VIP]}}",
            {"tags": {"mailchimp": ["VIP"]}},
            {"tags": {"mailchimp": ["Gold", "VIP"]}},
        ),
        ("{segments: [quiet]}", {"segments": ["quiet"]}, {"segments": []}),
        ("{not: {group: Gold}}", {"not": {"group": "Gold"}}, {"group": "Gold"}),
        ("{not: {tags: {mailchimp: VIP}}}", {"not": {"tags": {"mailchimp": ["VIP"]}}}, None),
        (
            "{effects: [send_email]}",
            {"effects": ["send_email"]},
            {"effects": ["send_email (template: thanks)", "notify_staff (channel: sales, text: An order)"]},
        ),
        ("{effects: [{send_email: {template: bye}}, notify_staff]}", None, None),
        ("{not: {effects: [send_email]}}", {"not": {"effects": ["send_email"]}}, None),
        ("{totals: {spend: 99.99}}", {"totals": {"spend": "99.99"}}, None),
        ("{deleted: true}", {"deleted": True}, {"deleted": False}),
        ("{actions: []}", {"actions": []}, None),
    ],
)
def test_play__otherwise__tells_only_what_differs(expect: str, expected: object, actual: object) -> None:
    found = differing(BOUGHT, expect)
    assert expected is None or found[0] == expected
    assert actual is None or found[1] == actual


def test_play__effects__are_those_since_they_were_looked_at() -> None:
    steps = f"{BOUGHT}, {{expect: {{effects: [send_email, notify_staff]}}}}, {{clock: 2026-03-01}}"
    assert play(steps, "{effects: []}").ok


def test_play__what_we_wanted__is_the_group_the_shop_shows_then() -> None:
    """A later snapshot of the customer shows the group we gave, unless the step says another one."""
    assert play(f"{BOUGHT}, {{customer: {{company: Acme}}}}", "{group: Gold}").ok
    assert play(f"{BOUGHT}, {{customer: {{group: Press}}}}", "{group: null}").ok


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("{refund: {order: 1, amount: 1.00}}", "there is no order '1' before this step (orders so far: none)"),
        (
            f"{BOUGHT}, {{status: {{order: 2, to: shipped}}}}",
            "there is no order '2' before this step (orders so far: 1)",
        ),
        (f"{BOUGHT}, {{clock: 2026-01-04}}", "time does not go back: it is 2026-01-05 17:00:00 UTC here already"),
        ("{pin: {group: Glod}}", "'Glod' is not a group of the rules in force here"),
        ("{pin: {group: ''}}", "'' is not a group of the rules in force here"),
        (
            "{pin: {group: Gold, until: 2026-01-05, at: 2026-01-05}}",
            "this pin is over before it begins: it is 2026-01-05 05:00:00 UTC here",
        ),
        ('{rules: "store: {timezone: Mars, currency: USD}"}', "line 1 of these rules: no time zone is called 'Mars'"),
    ],
)
def test_play__a_step_that_cannot_happen__is_a_finding(history: str, message: str) -> None:
    outcome = play(history, "{}")
    assert [(each.code, each.message) for each in outcome.findings] == [("case_impossible", message)]
    assert not outcome.ok
    assert (outcome.passed, outcome.failures) == (0, ())


def test_play__rules_that_are_refused__are_the_findings() -> None:
    outcome = play(BOUGHT, "{}", "store: {timezone: Mars, currency: USD}")
    assert [each.code for each in outcome.findings] == ["unknown_timezone"]


def test_play__every_kind_of_step__is_taken() -> None:
    steps = (
        "{customer: {email: a@b.example, birthday: 1990-05-17, form: {Gender: female}, consents: {sms: true},"
        " store_credit: 5.00, channels: [1], addresses: [{country: US, state: NY, city: Albany, zip: 12207}]}},"
        " {order: {id: 1, value: 120.00, items: 3, channel: 2, shipping: 5.00, store_credit: 1.00}},"
        " {order: {id: 1, value: 110.00}},"
        " {refund: {order: 1, amount: 20.00, items: 1}}, {refund: {order: 1, amount: 1.00, items: 2}},"
        " {refund_requested: {order: 1, reason: late}}, {cart: {abandoned: 5.00}}, {cart: {converted: 5.00}},"
        " {event: {custom.visit: {page: home}}}, {attribute: {name: tier, values: [Friend]}},"
        " {pin: {group: Silver, reason: asked, until: 2026-01-02}}, {expect: {group: Silver}}, {unpin: {}},"
        " {expect: {group: Silver, totals: {spend: 89.00, items: 0, refunds: 21.00}}},"
        " {order: {id: 2, lines: [{price: 11.00}]}}, {expect: {group: Gold}}, {deleted: }"
    )
    outcome = play(steps, "{deleted: true}")
    assert (outcome.findings, outcome.failures) == ((), ())


@pytest.mark.parametrize(
    "history",
    [
        "{pin: {group: Silver}}, {clock: 2027-01-01}",
        "{pin: {group: Silver, until: 2026-03-01}}, {clock: 2026-02-28 23:59:59}",
        "{pin: {group: Gold}}, {pin: {group: Silver}}",
        f"{{unpin: }}, {{pin: {{group: Silver}}}}, {{rules: '{WITHOUT}'}}, {{rules: '{WITH}'}}",
    ],
)
def test_play__pinned__whatever_the_rules_say(history: str) -> None:
    assert play(f"{BOUGHT}, {history}", "{group: Silver}").ok


@pytest.mark.parametrize(
    "history",
    [
        "{pin: {group: Silver, until: 2026-03-01}}, {clock: 2026-03-01}",
        "{pin: {group: Silver}}, {unpin: }",
        "{pin: {group: Silver}}, {unpin: {reason: enough}}",
    ],
)
def test_play__pin_that_has_ended__the_rules_decide(history: str) -> None:
    assert play(f"{BOUGHT}, {history}", "{group: Gold}").ok


def test_play__pin__group_that_these_rules_lack_and_near__offers_it() -> None:
    (finding,) = play("{pin: {group: gold}}", "{}").findings
    assert (finding.line, finding.hint) == (2, "did you mean 'Gold'?")


@pytest.mark.parametrize(
    ("history", "expect", "lines"),
    [
        (
            BOUGHT,
            "{group: Silver}",
            (
                "ladder loyalty: rung 2, Gold, by customer.spend",
                "  customer.spend from 100.00 USD: yes, it is 100.00 USD",
            ),
        ),
        (
            BOUGHT,
            "{not: {attributes: {tier: Gold}}}",
            (
                "ladder loyalty: rung 2, Gold, by customer.spend",
                "  customer.spend from 100.00 USD: yes, it is 100.00 USD",
            ),
        ),
        (
            ANN,
            "{segments: [quiet]}",
            ("segment quiet: not in it", "  customer.last_order_at older than 30 days: no, it is unset"),
        ),
        (
            "{customer: {email: ann@example.org}}, {order: {id: 1, value: 5.00}}",
            "{effects: [send_email, notify_staff]}",
            ("rule:thanks: withheld: send_email: no consent",),
        ),
        (f"{BOUGHT}, {{deleted: }}", "{group: Gold, deleted: false}", None),
        ("{clock: 2026-02-01}", "{group: Gold}", ()),
    ],
)
def test_play__otherwise__tells_why(history: str, expect: str, lines: tuple[str, ...] | None) -> None:
    (failure,) = play(history, expect).failures
    assert lines is None or failure.why == lines

"""What `headrace explain` and `headrace history` say to people; what they find is the core's and the evaluator's."""

from typing import Any

import pytest

from headrace.cli.explain_text import explanation_text, history_text
from headrace.cli.main import execute

CHANGE: dict[str, Any] = {
    "fact": "customer.spend",
    "by": {"amount_minor": 3820, "currency": "GBP"},
    "until": "2026-11-24T00:00:00Z",
    "kind": "number",
    "entry": "ladder:loyalty",
    "to": "Gold",
    "moves": "enters",
}
FOUND: dict[str, Any] = {
    "customer": "demo:42",
    "at": "2026-11-20T12:30:00Z",
    "timezone": "Europe/London",
    "group": "Silver",
    "won_by": "ladder:loyalty",
    "claims": [
        {"rule": "ladder:loyalty", "group": "Silver", "won": True, "why": "the only claim"},
    ],
    "memberships": [
        {"kind": "segment", "id": "vip", "group": None, "rung": None, "since": "2026-10-01T09:00:00Z"},
        {"kind": "rung", "id": "loyalty", "group": "Silver", "rung": 1, "since": None},
    ],
    "facts": {
        "customer.spend": {
            "value": {"amount_minor": 96180, "currency": "GBP"},
            "from": [str(number) for number in range(11)],
        }
    },
    "rules": [
        {
            "id": "big",
            "kind": "rule",
            "holds": False,
            "met": False,
            "text": "order.value above 500.00 GBP",
            "when": "order.placed",
            "order": "10",
            "since": None,
            "conditions": [
                {
                    "path": "if.order.value",
                    "value": {"amount_minor": 900, "currency": "GBP"},
                    "operator": "above",
                    "operand": {"amount_minor": 50000, "currency": "GBP"},
                    "holds": False,
                    "text": "order.value above 500.00 GBP",
                }
            ],
        }
    ],
    "smallest_change": CHANGE,
}


def test_text__of_a_customer__reads_from_the_group_to_the_change() -> None:
    assert explanation_text(FOUND).splitlines() == [
        "demo:42 belongs in Silver, because of ladder loyalty, as of 20 November 2026 12:30",
        "",
        "Claims on the group",
        "  won  Silver  ladder loyalty  the only claim",
        "",
        "Is in",
        "  segment vip                      since 1 October 2026 10:00",
        "  ladder loyalty, rung 1 (Silver)",
        "",
        "What it goes by",
        "  customer.spend  961.80 GBP  from orders 3 more, 3, 4, 5, 6, 7, 8, 9, 10",
        "",
        "rule big, on order.placed: has not fired (looked at with order 10)",
        "  no  order.value above 500.00 GBP  9.00 GBP",
        "",
        "To move: 38.20 GBP more spend before 24 November 2026 puts the customer into Gold (ladder loyalty)",
    ]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (None, "no single change of one figure, one flag, one value or of time alone does it"),
        (
            CHANGE | {"kind": "time", "by": {"days": 4}, "fact": "customer.last_order_at", "moves": "leaves"},
            "time alone, on 24 November 2026, takes the customer out of Gold (ladder loyalty)",
        ),
        (CHANGE | {"by": 1, "fact": "customer.orders", "until": None}, "1 more order puts the customer into Gold"),
        (
            CHANGE | {"by": -2, "fact": "customer.orders (within 30 days)", "until": None},
            "2 less orders (within 30 days) puts",
        ),
        (CHANGE | {"fact": "order.value", "until": None}, "an order of 38.20 GBP puts"),
        (CHANGE | {"by": True, "fact": "customer.subscribed", "until": None}, "customer.subscribed true puts"),
        (
            CHANGE | {"by": {"add": "vip"}, "fact": "customer.attributes.tier", "until": None},
            '"vip" among customer.attributes.tier puts',
        ),
        (CHANGE | {"moves": "stays"}, "38.20 GBP more spend before 24 November 2026 keeps the customer in Gold"),
    ],
)
def test_text__smallest_change__is_a_sentence(change: dict[str, Any] | None, text: str) -> None:
    assert f"To move: {text}" in explanation_text(FOUND | {"smallest_change": change})


def test_text__not_ours__says_so() -> None:
    text = explanation_text(FOUND | {"group": None, "won_by": None, "claims": [], "not_ours": "it is a guest"})
    assert text.startswith("demo:42 is not moved: it is a guest, as of 20 November 2026 12:30")


def test_text__history__one_line_a_change() -> None:
    entries = [
        ("rung", "loyalty:2", True, "order.snapshot:397:2026", {"group": "Gold"}),
        ("group", "Gold", True, "order.snapshot:397:2026", {}),
        ("segment", "vip", False, "time:2026-11-24T00:00:00Z", {}),
        ("claim", "big", False, "activation:a2", {}),
        ("group", "Gold", False, "customer.snapshot:42:2026", {}),
    ]
    shown = [
        {"at": "2026-11-24T00:00:00Z", "kind": kind, "name": name, "entered": entered, "cause": cause, **more}
        for kind, name, entered, cause, more in entries
    ]
    found = {"customer": "demo:42", "timezone": "UTC", "entries": shown}
    assert [line.removeprefix("  24 November 2026 00:00  ") for line in history_text(found).splitlines()] == [
        "demo:42",
        "came to rung 2 (Gold) of ladder loyalty  order 397",
        "moved to Gold                            order 397",
        "left segment vip                         time passed",
        "rule big was let go                      new rules",
        "no longer ours to move; was in Gold      the customer's account",
    ]
    assert history_text(found | {"entries": []}) == "demo:42: nothing has changed yet"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["explain", "42"], "did you mean STORE:42?"),
        (["history", "demo:"], "did you mean STORE:demo?"),
        (["explain", "demo:42", "--at", "yesterday"], "write 2026-01-31T12:00:00Z"),
        (["explain", "demo:42", "--at", "2026-01-31"], "write 2026-01-31T12:00:00Z"),
    ],
)
def test_verbs__words_that_name_no_customer_or_time__are_usage_errors(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADRACE_STORE", raising=False)
    assert execute([*words, "--json"]) == 2
    assert says in capsys.readouterr().out

"""Cases from YAML: moments, amounts and texts as they are written, and every mistake at its place."""

from datetime import UTC, date, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from headrace.golden.model import Case, StepKind, WantedEffect, World
from headrace.golden.read import read_cases
from headrace.golden.words import DOCS, EXPECTATIONS, STEPS
from headrace.rules.findings import Report
from headrace.rules.yaml_source import compose

WORLD = World("GBP", ZoneInfo("America/New_York"))


def read(text: str) -> tuple[tuple[Case, ...], Report]:
    report = Report()
    node = compose(text, "gold.test.yaml", report)
    assert node is not None
    return read_cases(node, WORLD, report), report


def one(step: str) -> Case:
    cases, report = read(f"- name: a case\n  history: [{step}]\n  expect: {{}}\n")
    assert report.findings == []
    return cases[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-05", datetime(2026, 1, 5, 5, 0, tzinfo=UTC)),
        ("2026-07-05", datetime(2026, 7, 5, 4, 0, tzinfo=UTC)),
        ("2026-01-05 14:30", datetime(2026, 1, 5, 19, 30, tzinfo=UTC)),
        ("2026-01-05T14:30:15Z", datetime(2026, 1, 5, 14, 30, 15, tzinfo=UTC)),
        ('"2026-01-05T14:30:15+02:00"', datetime(2026, 1, 5, 12, 30, 15, tzinfo=UTC)),
    ],
)
def test_read__moments__are_the_stores_unless_they_say_more(written: str, meant: datetime) -> None:
    assert one(f"{{clock: {written}}}").steps[0].at == meant
    assert one(f"{{customer: {{email: a@b.c, at: {written}}}}}").steps[0].at == meant


def test_read__customer_and_order__by_the_type_of_each_word() -> None:
    steps = one(
        "{customer: {birthday: 1990-05-17, form: {income: 80000}, consents: {sms: true}, store_credit: 5.5}},"
        ' {order: {id: 7, value: 10, lines: [{category: Phones, price: 9.99, product: "07"}]}}'
    ).steps
    assert steps[0].fields == {
        "birthday": date(1990, 5, 17),
        "form": {"income": "80000"},
        "consents": {"sms": True},
        "store_credit": 550,
    }
    assert steps[1].fields == {
        "id": "7",
        "value": 1000,
        "lines": ({"category": ("Phones",), "price": 999, "product": "07"},),
    }


def test_read__an_event_of_ones_own__payload_as_json_has_it() -> None:
    assert one("{event: {custom.visit: {page: home, n: 3, ok: true, zip: '007'}}}").steps[0].fields == {
        "type": "custom.visit",
        "payload": {"page": "home", "n": 3, "ok": True, "zip": "007"},
    }


def test_read__expectations__of_every_kind() -> None:
    cases, report = read(
        "- name: all\n"
        "  expect:\n"
        "    group: ''\n"
        "    attributes: {tier: VIP}\n"
        "    effects:\n"
        "      [notify_staff, {send_email: {template: x}}, {send_email: y}, {do: warehouse}, {do: {a: {b: 1}}}]\n"
        "    not: {segments: [vip]}\n"
        "    totals: {spend: 10.00, orders: 1}\n"
        "- {name: not ours, expect: {group: null}}\n"
    )
    assert report.findings == []
    assert cases[0].steps[0].fields == {
        "group": "",
        "attributes": {"tier": ("VIP",)},
        "effects": (
            WantedEffect("notify_staff", {}),
            WantedEffect("send_email", {"template": "x"}),
            WantedEffect("send_email", {"template": "y"}),
            WantedEffect("do", {"consumer": "warehouse"}),
            WantedEffect("do", {"consumer": "a", "b": 1}),
        ),
        "not": {"segments": ("vip",)},
        "totals": {"spend": 1000, "orders": 1},
    }
    assert cases[1].steps[0].fields == {"group": None}


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "hint"),
    [
        ("[]", "empty_value", 1, 1, "write - {name: ..., history: [...], expect: {...}}, or remove the key"),
        ("- {expect: {}}", "missing_key", 1, 3, "add name: what it shows, in a sentence"),
        ("- {name: x}", "missing_key", 1, 3, "add expect: {group: Gold}"),
        ("- {name: x, expects: {}}", "unknown_key", 1, 13, "a case has: name, history, expect"),
        ("- {name: x, history: [{ordr: {}}], expect: {}}", "unknown_key", 1, 24, "did you mean 'order'?"),
        ("- {name: x, history: [{order: {value: 5}}], expect: {}}", "missing_key", 1, 23, "add id:"),
        (
            "- {name: x, history: [{order: {id: 1, value: 10.000}}], expect: {}}",
            "ambiguous_amount",
            1,
            46,
            "write 10000 or 10.00",
        ),
        (
            "- {name: x, history: [{customer: {created: soon}}], expect: {}}",
            "not_a_date",
            1,
            44,
            "write 2026-01-05, 2026-01-05 14:30 (the store's time) or 2026-01-05T14:30:00Z",
        ),
        ("- {name: x, history: [{clock: 2026-02-30}], expect: {}}", "not_a_date", 1, 31, None),
        ("- {name: x, history: [{cart: {lines: []}}], expect: {}}", "missing_key", 1, 23, None),
        ("- {name: x, history: [{event: {visit: {}}}], expect: {}}", "unknown_key", 1, 32, "write custom.visit"),
        ("- {name: x, history: [{order: {id: 1, status: shiped}}], expect: {}}", "unknown_choice", 1, 47, None),
        ("- {name: x, history: [{deleted: {}, clock: 2026-01-01}], expect: {}}", "wrong_shape", 1, 37, None),
        ("- {name: x, history: [{pin: Gold}], expect: {}}", "wrong_shape", 1, 29, "write {pin: {group: Gold}}"),
        ("- {name: x, history: [{pin: {reason: a}}], expect: {}}", "missing_key", 1, 23, "add group:"),
        ("- {name: x, history: [{unpin: {group: A}}], expect: {}}", "unknown_key", 1, 32, "unpin has: reason"),
        ("- {name: x, history: [{pin: {group: A, until: May}}], expect: {}}", "not_a_date", 1, 47, None),
        ("- {name: x, history: [{order: }], expect: {}}", "wrong_shape", 1, 31, "write {order: {id: ...}}"),
        ("- {name: x, expect: {effects: [send_emial]}}", "unknown_choice", 1, 32, None),
        ("- {name: x, expect: {effects: [{export_row: a.csv}]}}", "wrong_shape", 1, 45, None),
        ("- {name: x, expect: {segmets: [x]}}", "unknown_key", 1, 22, None),
        ("- {name: x, expect: {}}\n- {name: x, expect: {}}", "duplicate_id", 2, 3, "rename one"),
    ],
)
def test_read__a_mistake__is_told_at_its_place_with_a_mend(
    text: str, code: str, line: int, column: int, hint: str | None
) -> None:
    _, report = read(text)
    found = report.findings
    assert [(each.code, each.line, each.column) for each in found] == [(code, line, column)]
    assert hint is None or found[0].hint == hint


def test_words__every_step_and_expectation__has_its_line_of_doc() -> None:
    assert set(DOCS) == set(STEPS) == set(get_args(StepKind))
    assert set(EXPECTATIONS) == set(STEPS["expect"])

"""The plan's file as written and read, what counts as drift, and when a plan is refused without asking anybody."""

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.apply_plan import Limits, drift, sources_of
from headrace.cli.main import execute
from headrace.cli.output import CliError
from headrace.cli.plan_file import Mover, changed_lines, movers_in, read_plan, write_customers, write_plan
from headrace.cli.plan_text import plan_text
from headrace.rules.load import Source, load_texts, rule_set_hash
from headrace.rules.model import RuleSet, encode_rule_set

TEXT = """store: {timezone: Europe/London, currency: GBP}
groups: [{name: Gold}]
group_order: [Gold]
segments:
  - {id: vip, who: {customer.spend: {above: 5}}, group: Gold}
rules:
  - {id: thanks, when: order.placed, then: [{add_attribute: {a: b}}]}
ladders:
  - {id: loyalty, by: customer.orders, rungs: [{group: Gold}]}
"""


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a run of its own: stdout has no object yet."""
    monkeypatch.setattr("headrace.cli.output._Stdout.used", False)


def rule_set() -> RuleSet:
    loaded = load_texts([Source("rules.yaml", TEXT)])
    assert loaded.rule_set is not None, loaded.findings
    return loaded.rule_set


def line(customer: str, before: str | None, after: str | None, **more: Any) -> bytes:
    return json.dumps({"customer": customer, "before": {"group": before}, "after": {"group": after, **more}}).encode()


def head(**more: Any) -> dict[str, Any]:
    return {
        "base_version": 3,
        "rule_set_hash": rule_set_hash(rule_set()),
        "take_over": False,
        "customers": 9,
        "leaving": 2,
        "store": "teststore",
        "source": TEXT,
        **more,
    }


def test_plan_file__written_and_read__is_the_same(tmp_path: Path) -> None:
    lines = [line("s:1", "", "Gold") + b"\n", line("s:2", "Gold", "", tags=["x"]) + b"\n"]
    write_plan(tmp_path / "plan.json", head(), encode_rule_set(rule_set()), lines)
    found = read_plan(tmp_path / "plan.json")
    assert found.rule_set == rule_set()
    assert (found.base_version, found.store, found.leaving, found.source) == (3, "teststore", 2, TEXT)
    assert [(mover.customer, mover.group, mover.to) for mover in found.movers] == [
        ("s:1", "", "Gold"),
        ("s:2", "Gold", ""),
    ]
    assert json.loads((tmp_path / "plan.json").read_text())["movers"][0][0] == "s:1", "it is plain JSON"


def test_plan_file__nobody_changes__is_read(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", head(), encode_rule_set(rule_set()), [])
    assert read_plan(tmp_path / "plan.json").movers == ()


def test_changed_lines__parts__come_in_the_order_of_partitions(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        (tmp_path / f"{number}.jsonl").write_bytes(line(f"s:{number}", "", "Gold") + b"\n")
    write_customers(tmp_path / "customers", changed_lines(tmp_path))
    written = (tmp_path / "customers").read_text().splitlines()
    assert [json.loads(each)["customer"] for each in written] == ["s:0", "s:2", "s:10"]


@pytest.mark.parametrize(
    "text",
    ["", "no json", "{}", '{"format": 1}'],
)
def test_read_plan__what_is_none__is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    with pytest.raises(CliError) as refused:
        read_plan(tmp_path / "plan.json")
    assert refused.value.code == "plan_unreadable"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"format": 2}, "format 2"),
        ({"rule_set_hash": "0" * 64}, "not the one that it was made of"),
    ],
)
def test_read_plan__changed_by_hand_or_by_another_release__is_refused(
    change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    write_plan(tmp_path / "plan.json", head(), encode_rule_set(rule_set()), [])
    found = json.loads((tmp_path / "plan.json").read_text()) | change
    (tmp_path / "plan.json").write_text(json.dumps(found))
    with pytest.raises(CliError, match=reason):
        read_plan(tmp_path / "plan.json")


def test_write_plan__where_nothing_can_be_written__says_so(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="cannot be written"):
        write_plan(tmp_path / "missing" / "plan.json", head(), b"{}", [])


# -- drift ---------------------------------------------------------------------------------------------------------
def movers(*lines: bytes) -> list[Mover]:
    return list(movers_in(lines))


GOLD = {"from": "", "to": "Gold"}


@pytest.mark.parametrize(
    ("planned", "now", "expected"),
    [
        ([line("s:1", "", "Gold")], [line("s:1", "", "Gold")], []),
        ([line("s:1", "", "Gold")], [], [("s:1", GOLD, None)]),
        ([], [line("s:1", "", "Gold")], [("s:1", None, GOLD)]),
        ([line("s:1", "", "Gold")], [line("s:1", "Gold", "")], [("s:1", GOLD, {"from": "Gold", "to": ""})]),
        # The same move, other labels.
        ([line("s:1", "", "Gold")], [line("s:1", "", "Gold", tags=["x"])], [("s:1", GOLD, GOLD)]),
    ],
)
def test_drift__two_evaluations__names_who_differs(planned: list[bytes], now: list[bytes], expected: list[Any]) -> None:
    found = drift(movers(*planned), movers(*now))
    assert [(one["customer"], one["planned"], one["now"]) for one in found] == expected


def test_sources_of__ids_of_every_kind__are_named_with_it() -> None:
    assert sources_of(rule_set(), ["vip", "thanks", "loyalty", "segment:vip"]) == (
        "segment:vip",
        "rule:thanks",
        "ladder:loyalty",
    )


def test_sources_of__no_such_entry__offers_one() -> None:
    with pytest.raises(CliError) as refused:
        sources_of(rule_set(), ["vipp"])
    assert (refused.value.code, "vip" in refused.value.hint) == ("unknown_entry", True)


# -- the verb, before anything is asked ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--take-over"], "take_over_differs"),
        (["--send-effects", "nobody"], "unknown_entry"),
        (["--store", "another"], "other_store"),
    ],
)
def test_apply__plan_for_something_else__is_refused_before_kafka_is_asked(
    words: list[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("HEADRACE_STORE", "teststore")
    write_plan(tmp_path / "plan.json", head(), encode_rule_set(rule_set()), [])
    assert execute(["apply", str(tmp_path / "plan.json"), *words, "--json"]) != 0
    assert json.loads(capsys.readouterr().out)["error"]["code"] == code


def test_limits__stated__are_one_percent_of_drift_and_half_of_the_base() -> None:
    assert (Limits().max_drift, Limits().confirm_above) == (1.0, 50.0)


def test_plan__kafka_away__exit_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("HEADRACE_STORE", "teststore")
    (tmp_path / "rules.yaml").write_text(TEXT)
    assert execute(["plan", str(tmp_path), "-o", str(tmp_path / "plan.json"), "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "kafka_unavailable"
    assert not (tmp_path / "plan.json").exists()


def test_plan__rules_with_an_error__are_refused_before_kafka_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    (tmp_path / "rules.yaml").write_text(TEXT + "segmens: []\n")
    assert execute(["plan", str(tmp_path), "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["error"]["code"], shown["error"]["line"]) == ("unknown_key", 10)


# -- for people ----------------------------------------------------------------------------------------------------
PLAN: dict[str, Any] = {
    "base_version": 3,
    "customers": 4372,
    "changed": 120,
    "moved": 57,
    "spend": {"amount_minor": 1_234_500, "currency": "GBP"},
    "moves": [
        {
            "from": "Silver",
            "to": "Gold",
            "count": 45,
            "spend": {"amount_minor": 1_000_000, "currency": "GBP"},
            "sample": ["demo:13", "demo:42"],
        },
        {
            "from": "",
            "to": "Silver",
            "count": 12,
            "spend": {"amount_minor": 0, "currency": "GBP"},
            "sample": ["demo:7"],
        },
    ],
    "segments": [
        {"id": "vip", "entered": 45, "left": 2, "members": 300, "only_by_unset": 12},
        {"id": "calm", "entered": 0, "left": 0, "members": 5, "only_by_unset": 0},
    ],
    "attributes": 45,
    "tags": 30,
    "labels": [{"label": "attribute:tier", "value": "VIP", "change": "added", "count": 45}],
    "effects": [{"rule": "vip", "count": 45}],
    "vendor_calls": 71,
    "calls": {"bigcommerce": 11, "mailchimp": 60},
    "minutes": 0.1,
    "warnings": ["group Gold is tiny"],
}


def test_text__plan__says_who_moves_and_that_nothing_was_changed() -> None:
    assert plan_text(PLAN, "plan.json").split("\n") == [
        "4,372 customers, compared with version 3",
        "120 would change, 57 of them their group (lifetime spend 12,345.00 GBP)",
        "",
        "moves",
        "  Silver -> Gold               45  spend 10,000.00 GBP  such as demo:13, demo:42",
        "  (no group) -> Silver         12  spend 0.00 GBP  such as demo:7",
        "",
        "segments",
        "  vip  +45 -2, then 300, 12 only by an unset value",
        "",
        "attributes of 45 customers, tags of 30",
        "  +45  attribute:tier VIP",
        "",
        "effects are not released, unless apply is told to",
        "  --send-effects vip: 45",
        "",
        "about 11 calls to bigcommerce, 60 calls to mailchimp: 0.1 minutes at our share of the store's quota",
        "",
        "warning: group Gold is tiny",
        "",
        "nothing was changed; `headrace apply plan.json` puts these rules in force",
    ]


def test_text__nobody_changes__is_short() -> None:
    empty = PLAN | {"changed": 0, "moved": 0, "moves": [], "segments": [], "labels": [], "effects": [], "warnings": []}
    empty |= {"attributes": 0, "tags": 0, "vendor_calls": 0, "base_version": 0}
    assert (
        plan_text(empty, None)
        == "4,372 customers, compared with no rule set yet\nnobody would change\n\nnothing was changed"
    )

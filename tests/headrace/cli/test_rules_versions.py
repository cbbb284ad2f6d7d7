"""`headrace rules show | history | diff | rollback`: on real Kafka, without anybody who evaluates."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from headrace.cli import activation
from headrace.cli.activation import Flags, Version
from headrace.cli.main import execute
from headrace.cli.rules_versions import diff_of, history_text, row_of, show_text
from headrace.contracts.actions import RuleSetRecord
from headrace.contracts.events import RulesetActivated, decode_event
from headrace.contracts.topics import EVENTS, PARTITION_WIDE_KEY
from headrace.rules.load import Source, load_texts, rule_set_hash
from headrace.rules.model import encode_rule_set
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings

STORE = "store: {timezone: Europe/London, currency: GBP}\n"
SEGMENT = "  - {{id: {0}, who: {{customer.orders: {{above: {1}}}}}, attributes: {{a: b}}}}\n"


def text(**above: int) -> str:
    return STORE + "segments:\n" + "".join(SEGMENT.format(name, bound) for name, bound in above.items())


def version(number: int, written: str, **more: Any) -> Version:
    loaded = load_texts([Source("rules.yaml", written)])
    assert loaded.rule_set is not None
    document = Raw(encode_rule_set(loaded.rule_set))
    record = RuleSetRecord(
        store="s", version=number, hash=rule_set_hash(loaded.rule_set), document=document, source=written, **more
    )
    return Version(record, 1_700_000_000_000, number)


def test_diff__entries_and_settings__are_told_by_id_and_key() -> None:
    found = diff_of(
        version(1, text(a=1, b=2)), version(2, text(b=3, c=1) + "default_group: ''\ngroups: [{name: Gold}]\n")
    )
    assert (found["added"], found["removed"], found["settings"]) == (["c"], ["a"], ["groups"])
    assert [entry["id"] for entry in found["changed"]] == ["b"]
    assert found["changed"][0]["before"]["who"]["operand"] == 2


def test_diff__other_words_for_the_same__differs_in_nothing() -> None:
    found = diff_of(version(1, text(a=1)), version(2, "# a comment\n" + text(a=1)))
    assert (found["added"], found["removed"], found["changed"], found["settings"]) == ([], [], [], [])


def test_history__versions__one_a_line() -> None:
    rows = [
        {**row_of(version(1, text(a=1, b=2))), "in_force": False},
        {**row_of(version(2, text(a=1), rollback_of=1)), "in_force": True},
    ]
    first, second = history_text(rows).split("\n")
    assert first.endswith(f"2023-11-14T22:13:20Z  {rows[0]['hash'][:12]}  2 entries")
    assert second.endswith("1 entry, rolled back to 1, in force")
    assert "apply --from" in history_text([])


def test_show__version_of_an_earlier_tool_without_its_files__shows_what_is_understood() -> None:
    found = version(1, text(a=1))
    assert show_text(found) == text(a=1).rstrip("\n")
    bare = Version(RuleSetRecord(store="s", version=1, hash="", document=found.record.document), 0, 0)
    assert json.loads(show_text(bare))["segments"][0]["id"] == "a"


@pytest.mark.kafka
def test_verbs__two_versions_and_a_rollback__are_kept_shown_and_compared(
    topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    settings = topics_created
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("HEADRACE_STORE", settings.store)
    rules = tmp_path / "rules.yaml"

    def run(*words: str, code: int = 0) -> dict[str, Any]:
        assert execute([*words, "--json"]) == code
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    assert run("rules", "show", code=1)["error"]["code"] == "no_rule_set"
    assert run("rules", "history") == {"versions": []}
    for written in (text(a=1), text(a=2, b=1)):
        rules.write_text(written)
        run("apply", "--from", str(rules))
    assert run("rules", "show")["source"] == text(a=2, b=1)
    assert run("rules", "show", "1")["rule_set"]["segments"][0]["id"] == "a"
    assert run("rules", "show", "3", code=1)["error"]["code"] == "unknown_version"
    found = run("rules", "diff", "1", "2")
    assert (found["added"], [entry["id"] for entry in found["changed"]]) == (["b"], ["a"])

    back = run("rules", "rollback", "1")
    assert (back["version"], back["changed"], back["rollback_of"]) == (3, True, 1)
    assert run("rules", "show")["source"] == text(a=1)
    again = run("rules", "rollback", "1")
    assert (again["version"], again["changed"]) == (3, False)
    rows = run("rules", "history")["versions"]
    assert [(row["version"], row["rollback_of"], row["in_force"]) for row in rows] == [
        (1, None, False), (2, None, False), (3, 1, False),
    ]  # fmt: skip
    assert rows[0]["hash"] == rows[2]["hash"]
    assert run("rules", "status")["activating"] == 3
    assert execute(["rules", "diff", "1", "2"]) == 0
    shown = capsys.readouterr().out
    assert "added: b" in shown
    assert "+  - {id: b," in shown


@pytest.mark.kafka
async def test_write_markers__flags__are_in_every_marker_and_found_again(topics_created: ServiceSettings) -> None:
    """An interrupted activation is completed with what it began with, not with what the second run was told."""
    settings, flags = topics_created, Flags(("segment:vip",), take_over=True)
    record = version(1, text(a=1)).record
    written = await activation.write_version(settings, RuleSetRecord(**_fields(record) | {"store": settings.store}))
    assert written is not None
    await activation.write_markers(settings, written, {1}, flags)
    assert await activation.announced(settings, written, range(3)) == ({1: 0}, flags)
    (marker,) = await read_to_end(settings, topic(settings, EVENTS))
    assert (marker.key, marker.value is not None) == (PARTITION_WIDE_KEY, True)
    data = decode_event(marker.value or b"").data
    assert isinstance(data, RulesetActivated)
    assert (data.send_effects, data.take_over) == (("segment:vip",), True)


def _fields(record: RuleSetRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in RuleSetRecord.__struct_fields__}

"""`headrace pin` and `unpin`: what is refused before anything is written, and the event on a real Kafka."""

import json
from datetime import UTC, datetime

import pytest

from headrace.cli.apply import put_in_force
from headrace.cli.main import execute
from headrace.cli.output import CliError
from headrace.cli.pin import publish_pin, publish_unpin, refuse_group
from headrace.contracts.events import CustomerPinned, CustomerUnpinned, decode_event
from headrace.contracts.topics import EVENTS, partition_of
from headrace.rules.load import Source, load_texts
from headrace.rules.model import Group, RuleSet, Store
from headrace.runtime.kafka import read_to_end, topic
from headrace.runtime.settings import ServiceSettings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = "store: {timezone: Europe/London, currency: GBP}\ngroups: [{name: Gold}]\ngroup_order: [Gold]\n"


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a run of its own: stdout has no object yet."""
    monkeypatch.setattr("headrace.cli.output._Stdout.used", False)


def error(words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert execute([*words, "--json"]) == 2
    found: dict[str, dict[str, str]] = json.loads(capsys.readouterr().out)
    return found["error"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["pin", "s:7", "Gold", "--reason", "  "], "usage"),
        (["pin", "s:7", "Gold", "--reason", "x" * 501], "usage"),
        (["pin", "s:7", "Gold", "--reason", "x", "--until", "tomorrow"], "usage"),
        (["pin", "s:7", "Gold", "--reason", "x", "--until", "2026-05-01T10:00"], "usage"),
        (["pin", "s:7", "Gold", "--reason", "x", "--until", "2026-01-01T10:00:00Z"], "usage"),
        (["pin", "s:7", "Gold"], "usage"),
        (["pin", ":7", "Gold", "--reason", "x"], "usage"),
        (["pin", "s:7#1", "Gold", "--reason", "x"], "usage"),
        (["unpin", "s:guest-ab12"], "guest"),
        (["unpin", "7"], "usage"),
        (["unpin", ""], "usage"),
    ],
)
def test_pin__cannot_be_meant__refused_before_kafka_is_asked(
    words: list[str], code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEADRACE_STORE", raising=False)
    assert error(words, capsys)["code"] == code


def test_refuse_group__not_one_of_the_rules__names_the_nearest() -> None:
    rules = RuleSet(store=Store(timezone="UTC", currency="GBP"), groups=(Group(name="Gold"), Group(name="Silver")))
    refuse_group("Gold", rules)
    with pytest.raises(CliError) as refused:
        refuse_group("gold", rules)
    assert (refused.value.code, refused.value.hint) == ("unknown_group", "did you mean 'Gold'?")
    with pytest.raises(CliError) as refused:
        refuse_group("Gold", None)
    assert (refused.value.code, refused.value.exit_code) == ("no_rules", 1)


async def test_pin__group_of_the_rules__its_event_where_the_customer_is_kept(topics_created: ServiceSettings) -> None:
    await put_in_force(topics_created, load_texts([Source("rules.yaml", RULES)]), prune=False)
    pinned = CustomerPinned(group="Gold", reason="a friend", until=NOW)
    where = await publish_pin(topics_created, "teststore:7", pinned, now=NOW)
    with pytest.raises(CliError):
        await publish_pin(topics_created, "teststore:7", CustomerPinned(group="Glod", reason="x"), now=NOW)
    await publish_unpin(topics_created, "teststore:7", CustomerUnpinned(), now=NOW)
    records = [r for r in await read_to_end(topics_created, topic(topics_created, EVENTS)) if r.key == b"teststore:7"]
    assert [record.partition for record in records] == [partition_of(b"teststore:7", 3)] * 2
    assert (records[0].partition, records[0].offset) == (where["partition"], where["offset"])
    events = [decode_event(record.value or b"") for record in records]
    assert [event.data for event in events] == [pinned, CustomerUnpinned()]
    assert {(e.envelope.subject, e.envelope.time, e.envelope.headraceorigin) for e in events} == {
        ("teststore:7", NOW, "live")
    }
    assert len({event.envelope.id for event in events}) == 2

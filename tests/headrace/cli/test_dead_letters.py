"""`headrace dead-letters` over real Kafka: list, show, drop. Sending again is in `test_resend`."""

import json
from pathlib import Path

import msgspec
import pytest

from headrace.cli.dead_letters import metrics_of
from headrace.cli.main import execute
from headrace.contracts.actions import DeadLetter
from headrace.runtime.settings import ServiceSettings
from tests.headrace.cli.letters_bench import Letters


@pytest.fixture
def letters(topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> Letters:
    return Letters(topics_created, monkeypatch)


def undecodable(offset: int = 7) -> DeadLetter:
    return DeadLetter(
        reason="undecodable",
        detail="Object missing required field",
        service="group",
        topic="headrace.actions.group",
        partition=2,
        offset=offset,
        key=b"s:1",
        value=b'{"customer":"s:1","email":"secret@example.com"}',
    )


async def test_list__letters__with_their_causes_and_without_content(letters: Letters) -> None:
    await letters.write(undecodable(), b"garbage")
    said = await letters.run("list")
    first, second = said["dead_letters"]
    assert first | {"at": ""} == {
        "id": "0:0",
        "at": "",
        "state": "open",
        "reason": "undecodable",
        "detail": "Object missing required field",
        "service": "group",
        "topic": "headrace.actions.group",
        "partition": 2,
        "offset": 7,
        "key": "s:1",
        "resends": 0,
    }
    assert second["reason"] == "unreadable"
    assert said["reasons"] == {"undecodable": 1, "unreadable": 1}
    assert "secret" not in json.dumps(said)
    assert (await letters.say("list")).endswith("\n2 dead letters: 1 undecodable, 1 unreadable\n")


async def test_list__filters__name_what_is_meant(letters: Letters) -> None:
    await letters.write(undecodable(), b"garbage")
    (second,) = (await letters.run("list", "--reason", "unreadable"))["dead_letters"]
    assert [one["id"] for one in (await letters.run("list", "--service", "group"))["dead_letters"]] == ["0:0"]
    assert (await letters.run("list", "--since", second["at"]))["reasons"]["unreadable"] == 1
    assert (await letters.run("list", "--since", "2999-01-01T00:00:00Z"))["dead_letters"] == []
    assert (await letters.run("list", "--since", "yesterday", code=2))["error"]["code"] == "usage"


async def test_letters__store_named__only_its_own_are_meant(letters: Letters) -> None:
    of_another = msgspec.structs.replace(undecodable(8), key=b"other:1")
    await letters.write(undecodable(), of_another, b"garbage")
    listed = {
        store: [one["id"] for one in (await letters.run("list", "--store", store))["dead_letters"]]
        for store in ("s", "other", "third")
    }
    assert listed == {"s": ["0:0", "0:2"], "other": ["0:1"], "third": []}
    for words in (["show", "0:1"], ["resend", "0:1"], ["resend", "0:0", "0:1"], ["drop", "0:1", "--reason", "x"]):
        error = (await letters.run(*words, "--store", "s", code=1))["error"]
        assert (error["code"], error["message"]) == ("other_store", "0:1 is of store other, not of s")
    everything = ["resend", "--all", "--reason", "undecodable", "--store", "third"]
    assert await letters.run(*everything) == {"resent": [], "superseded": [], "refused": []}
    assert (await letters.run("list"))["reasons"] == {"undecodable": 2, "unreadable": 1}
    assert (await letters.run("drop", "0:1", "--reason", "x", "--store", "other"))["dropped"] == ["0:1"]


async def test_list__metrics__count_the_open_ones(letters: Letters, tmp_path: Path) -> None:
    path = tmp_path / "letters.prom"
    await letters.write(undecodable(), undecodable(8), b"garbage")
    await letters.run("drop", "0:0", "--reason", "a test")
    await letters.run("list", "--reason", "other", "--metrics", str(path))
    assert path.read_text() == (
        "# TYPE headrace_dead_letters_open gauge\n"
        'headrace_dead_letters_open{service="",reason="unreadable"} 1\n'
        'headrace_dead_letters_open{service="group",reason="undecodable"} 1\n'
    )


def test_metrics_of__no_letters__zero() -> None:
    assert metrics_of([]).endswith("\nheadrace_dead_letters_open{} 0\n")


def test_list__none__says_so(letters: Letters, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["dead-letters", "list"]) == 0
    assert capsys.readouterr().out == "no dead letters\n"


def test_list__topic_missing__names_the_cure(
    kafka: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", "nowhere.")
    assert execute(["dead-letters", "list", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "topics_missing"


async def test_show__a_letter__whole_and_masked(letters: Letters) -> None:
    await letters.write(undecodable(), b"garbage")
    said = await letters.run("show", "0:0")
    assert (said["reason"], said["key"], said["encoding"], said["masked"]) == ("undecodable", "s:1", "json", True)
    assert json.loads(said["value"]) == {"customer": "s:1", "email": "***"}
    assert "secret@example.com" in (await letters.run("show", "0:0", "--personal"))["value"]
    assert "secret" not in await letters.say("show", "0:0")
    assert "secret@example.com" in await letters.say("show", "0:0", "--personal")
    assert (await letters.run("show", "0:1"))["reason"] == "unreadable"
    assert (await letters.run("show", "1:5", code=1))["error"]["code"] == "no_such_letter"
    assert (await letters.run("show", "5", code=2))["error"]["code"] == "usage"


async def test_drop__letters__are_no_longer_open_and_stay_in_the_list_of_all(letters: Letters) -> None:
    await letters.write(undecodable(), b"garbage")
    for _ in range(2):  # once more changes nothing
        assert (await letters.run("drop", "0:1", "--reason", "a test"))["dropped"] == ["0:1"]
    assert [one["id"] for one in (await letters.run("list"))["dead_letters"]] == ["0:0"]
    assert (await letters.say("list")).endswith("1 dead letter: 1 undecodable (1 dealt with: `list --all`)\n")
    dropped = (await letters.run("list", "--all"))["dead_letters"][1]
    assert (dropped["state"], dropped["handled"]["reason"]) == ("dropped", "a test")
    assert "dropped: a test" in await letters.say("show", "0:1")
    await letters.run("drop", "0:0", "--reason", "a test too")
    assert await letters.say("list") == "no open dead letters (2 dealt with: `list --all`)\n"


async def test_drop__without_a_reason_or_a_letter__is_refused(letters: Letters) -> None:
    await letters.write(undecodable())
    assert (await letters.run("drop", "0:0", "--reason", " ", code=2))["error"]["code"] == "usage"
    assert (await letters.run("drop", "0:0", "0:9", "--reason", "x", code=1))["error"]["code"] == "no_such_letter"
    assert len((await letters.run("list"))["dead_letters"]) == 1

"""`headrace dead-letters resend` over real Kafka: each record once, where it came from, never over a newer one."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from headrace.cli import resend as resending
from headrace.cli.letter_topic import all_letters
from headrace.contracts.actions import DeadLetter
from headrace.contracts.topics import ACTIONS_GROUP, EVENTS, NOTICES, partition_of
from headrace.runtime.kafka import topic
from headrace.runtime.settings import ServiceSettings
from tests.headrace.cli.letters_bench import KEY, Letters

PARTITION = 2
"""Not where the key would go: what is put back goes where it came from."""


@pytest.fixture
def letters(topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch) -> Letters:
    return Letters(topics_created, monkeypatch)


async def set_aside(letters: Letters, name: str, *values: bytes, **fields: Any) -> list[int]:
    """Records in a topic and a letter about each; the records' offsets."""
    offsets = await letters.append(name, *values, partition=PARTITION, headers=[("traceparent", b"00-1")])
    for offset, value in zip(offsets, values, strict=True):
        await letters.write(about(letters, name, offset, value, **fields))
    return offsets


def about(letters: Letters, name: str, offset: int, value: bytes | None, **fields: Any) -> DeadLetter:
    given: dict[str, Any] = {"reason": "failed", "detail": "KeyError", "service": "evaluator", "partition": PARTITION}
    return DeadLetter(**{**given, **fields}, topic=topic(letters.settings, name), offset=offset, key=KEY, value=value)


async def values(letters: Letters, name: str) -> list[bytes | None]:
    return [record.value for record in await letters.records(name)]


async def states(letters: Letters) -> dict[str, str]:
    return {one.id: one.state for one in await all_letters(letters.settings)}


async def test_resend__a_letter__same_bytes_key_partition_and_headers_once(letters: Letters) -> None:
    await set_aside(letters, EVENTS, b"{}", b"[]")
    said = await letters.run("resend", "0:0")
    (sent,) = said["resent"]
    assert (sent["id"], sent["partition"], sent["offset"], sent["times"]) == ("0:0", PARTITION, 2, 1)
    *_, last = await letters.records(EVENTS)
    assert (last.key, last.value, last.partition, last.offset) == (KEY, b"{}", PARTITION, 2)
    assert list(last.headers) == [
        ("traceparent", b"00-1"),
        ("headrace-dead-letter", b"0:0"),
        ("headrace-resent", b"1"),
    ]
    again = await letters.run("resend", "0:0", code=1)
    assert again["resent"] == []
    assert "was sent again already" in again["refused"][0]["why"]
    assert len(await values(letters, EVENTS)) == 3
    assert [one["id"] for one in (await letters.run("list"))["dead_letters"]] == ["0:1"]


async def test_resend__set_aside_again__counts(letters: Letters) -> None:
    await set_aside(letters, EVENTS, b"{}")
    await letters.run("resend", "0:0")
    await letters.write(about(letters, EVENTS, 1, b"{}"))
    (open_one,) = (await letters.run("list"))["dead_letters"]
    assert open_one["resends"] == 1
    assert "(the 2nd time)" in await letters.say("resend", open_one["id"])
    *_, last = await letters.records(EVENTS)
    assert dict(last.headers)["headrace-resent"] == b"2"
    assert [name for name, _ in last.headers].count("headrace-resent") == 1


async def test_resend__all_of_a_reason__in_their_order_and_only_confirmed(letters: Letters) -> None:
    await set_aside(letters, EVENTS, b"1", b"2", b"3")
    await set_aside(letters, EVENTS, b"4", reason="undecodable")
    error = (await letters.run("resend", "--all", "--reason", "failed", code=1))["error"]
    assert error["code"] == "confirm_needed"
    assert error["message"].startswith("3 dead letters would be sent again: 3 of ")
    assert len(await values(letters, EVENTS)) == 4
    said = await letters.run("resend", "--all", "--reason", "failed", "--confirm")
    assert [one["id"] for one in said["resent"]] == ["0:0", "0:1", "0:2"]
    assert (await values(letters, EVENTS))[4:] == [b"1", b"2", b"3"]
    assert await letters.say("resend", "--all", "--reason", "failed", "--confirm") == "no dead letters to send again\n"


@pytest.mark.parametrize(
    "words", [[], ["--all"], ["0:0", "--all"], ["0:0", "--reason", "failed"], ["--reason", "failed"], ["x"]]
)
async def test_resend__not_said_which__is_refused(letters: Letters, words: list[str]) -> None:
    assert (await letters.run("resend", *words, code=2))["error"]["code"] == "usage"


async def test_resend__some_that_cannot__the_others_are_sent(letters: Letters) -> None:
    await letters.write(b"garbage", about(letters, "rules", 0, b"{}"))
    await set_aside(letters, EVENTS, b"{}")
    said = await letters.run("resend", "0:0", "0:1", "0:2", code=1)
    assert [one["id"] for one in said["refused"]] == ["0:0", "0:1"]
    assert [one["id"] for one in said["resent"]] == ["0:2"]


async def test_resend__value_left_at_its_offset__is_read_there(letters: Letters) -> None:
    await letters.append(EVENTS, b"large", partition=PARTITION)
    detail = "more than 4 MB (value left at its offset)"
    await letters.write(about(letters, EVENTS, 0, None, detail=detail), about(letters, EVENTS, 9, None, detail=detail))
    said = await letters.run("resend", "0:0", "0:1", code=1)
    assert [one["why"] for one in said["refused"]] == [
        "its value was too large for a letter, and is gone from its topic"
    ]
    assert await values(letters, EVENTS) == [b"large", b"large"]


async def test_resend__a_record_of_no_topic__goes_where_its_key_goes(letters: Letters) -> None:
    """A notice that asks for a row which was found bad without one."""
    await letters.write(about(letters, NOTICES, -1, b"{}", partition=-1))
    (sent,) = (await letters.run("resend", "0:0"))["resent"]
    assert sent["partition"] == partition_of(KEY, 3)
    assert "from the store again" in sent["note"]


async def test_resend__two_letters_about_one_record__it_is_sent_once(letters: Letters) -> None:
    await set_aside(letters, EVENTS, b"{}")
    await letters.write(about(letters, EVENTS, 0, b"{}", service="other"))
    said = await letters.run("resend", "0:1")
    assert sorted(one["id"] for one in said["resent"]) == ["0:0", "0:1"]
    assert len(await values(letters, EVENTS)) == 2
    await letters.write(about(letters, EVENTS, 0, b"{}", service="late"))
    late = (await letters.run("list"))["dead_letters"][0]["id"]
    assert [one["id"] for one in (await letters.run("resend", late))["superseded"]] == [late]
    assert len(await values(letters, EVENTS)) == 2


async def test_resend__dropped_before__when_it_is_named(letters: Letters) -> None:
    await set_aside(letters, EVENTS, b"{}")
    await letters.run("drop", "0:0", "--reason", "a mistake")
    assert await letters.say("resend", "--all", "--reason", "failed", "--confirm") == "no dead letters to send again\n"
    assert len((await letters.run("resend", "0:0"))["resent"]) == 1


# -- never twice ------------------------------------------------------------------------------------------------------
class Crash(Exception):
    pass


@pytest.mark.parametrize("sent", [True, False])
async def test_resend__ended_in_between__the_next_one_looks_whether_it_was_sent(
    letters: Letters, sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_aside(letters, EVENTS, b"{}")
    chosen, now = await all_letters(letters.settings), datetime.now(UTC)

    async def crash(*_: Any) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(resending._Resend, "_resent" if sent else "_send", crash)
        with pytest.raises(Crash):
            await resending.resend(letters.settings, chosen, now=now)
    assert await states(letters) == {"0:0": "resending"}
    assert len(await values(letters, EVENTS)) == 1 + sent
    report = await resending.resend(letters.settings, chosen, now=now)
    assert "is being sent again" in report.refused[0][1]
    assert (await letters.run("drop", "0:0", "--reason", "x", code=1))["error"]["code"] == "dealt_with"
    report = await resending.resend(letters.settings, chosen, now=now + timedelta(minutes=3))
    assert [place[1:] for _, place in report.resent] == [(PARTITION, 1)]
    assert len(await values(letters, EVENTS)) == 2
    assert await states(letters) == {"0:0": "resent"}


async def test_resend__several_at_once__one_sends(letters: Letters) -> None:
    await set_aside(letters, EVENTS, *(str(number).encode() for number in range(20)))
    chosen, now = await all_letters(letters.settings), datetime.now(UTC)
    reports = await asyncio.gather(*(resending.resend(letters.settings, chosen, now=now) for _ in range(4)))
    assert sorted(letter.offset for one in reports for letter, _ in one.resent) == list(range(20))
    assert len(await values(letters, EVENTS)) == 40
    assert set((await states(letters)).values()) == {"resent"}


# -- compacted topics -------------------------------------------------------------------------------------------------
async def test_resend__an_action_with_a_newer_one__is_not_put_over_it(letters: Letters) -> None:
    await set_aside(letters, ACTIONS_GROUP, b"old", b"newest")
    said = await letters.run("resend", "0:0", "0:1")
    assert [(one["id"], one["offset"]) for one in said["superseded"]] == [("0:0", 1)]
    assert [one["id"] for one in said["resent"]] == ["0:1"]
    assert await values(letters, ACTIONS_GROUP) == [b"old", b"newest", b"newest"]
    assert await states(letters) == {"0:0": "superseded", "0:1": "resent"}


async def test_resend__an_action_that_is_gone__is_not_brought_back(letters: Letters) -> None:
    await letters.write(about(letters, ACTIONS_GROUP, 40, b"old"))
    assert "was removed since" in (await letters.run("resend", "0:0", code=1))["refused"][0]["why"]
    assert await values(letters, ACTIONS_GROUP) == []


async def test_resend__a_newer_action_meanwhile__stands_last_all_the_same(
    letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_aside(letters, ACTIONS_GROUP, b"old")
    send, newer = AIOKafkaProducer.send, [b"newer", b"newest"]

    async def send_behind(self: Any, name: str, *words: Any, **options: Any) -> Any:
        if newer and name == topic(letters.settings, ACTIONS_GROUP):
            value = newer.pop(0)
            await (await send(self, name, value, KEY, PARTITION))
            await (await send(self, name, value, b"s:2", PARTITION))
        return await send(self, name, *words, **options)

    with monkeypatch.context() as patched:
        patched.setattr(AIOKafkaProducer, "send", send_behind)
        await resending.resend(letters.settings, await all_letters(letters.settings), now=datetime.now(UTC))
    found = [record.value for record in await letters.records(ACTIONS_GROUP) if record.key == KEY]
    assert found == [b"old", b"newer", b"old", b"newest", b"newer", b"newest"]

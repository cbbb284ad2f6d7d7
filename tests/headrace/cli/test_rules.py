"""`headrace rules status`: what follows from markers, offsets and notes; and the whole of it on real Kafka."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.activation import Committed, Version
from headrace.cli.main import execute
from headrace.cli.rules_status import Status, Sweep, status_of
from headrace.contracts.actions import RuleSetRecord
from headrace.contracts.notes import Note
from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.service import (
    BEGIN,
    PARTITIONS,
    activation,
    clock,
    committed_lag,
    customer,
    evaluator,
    publish,
    publish_rules,
    until,
)
from tests.services.evaluator.test_agent import ladder
from tests.simulated_store import TOKEN, simulated_store


def version(number: int) -> Version:
    return Version(RuleSetRecord(store="s", version=number, hash="", document=b"{}"), 0, 0)  # type: ignore[arg-type]


def at(offset: int, rules: int | None, swept: int = 0, customers: int = 0) -> Committed:
    return Committed(offset, None if rules is None else Note({"s": rules, "other": 9}, swept, customers))


@pytest.mark.parametrize(
    ("newest", "markers", "committed", "expected"),
    [
        (None, {}, {0: at(0, None)}, Status(None, None, [], Sweep(0, 0))),
        (1, {0: 4, 1: 5}, {0: at(5, 1, 3, 9), 1: at(6, 1, 2, 2)}, Status(1, None, [], Sweep(5, 11))),
        (2, {0: 4, 1: 5}, {0: at(5, 2, 9, 9), 1: at(5, 1, 2, 2)}, Status(1, 2, [1], Sweep(11, 11))),
        (2, {0: 4}, {0: at(5, 2), 1: at(5, 1)}, Status(1, 2, [1], Sweep(0, 0))),  # a marker is missing
        (2, {0: 4, 1: 5}, {0: at(5, 1), 1: at(6, 2)}, Status(1, None, [], Sweep(0, 0))),  # refused in partition 0
        (1, {0: 4, 1: 5}, {0: at(0, None), 1: at(0, None)}, Status(None, 1, [0, 1], Sweep(0, 0))),
        (1, {0: 4, 1: 5}, {0: at(9, None), 1: at(9, None)}, Status(1, None, [], Sweep(0, 0))),  # nothing noted
    ],
)
def test_status_of__markers_offsets_and_notes__what_is_in_force(
    newest: int | None, markers: dict[int, int], committed: dict[int, Committed], expected: Status
) -> None:
    assert status_of("s", version(newest) if newest else None, markers, committed) == expected


def test_status__evaluator_away_then_at_work__pending_then_in_force_and_swept(
    topics_created: ServiceSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The sweep's end shows although no customer changed last, and no record came after it."""
    settings = topics_created
    monkeypatch.setenv("HEADRACE_KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers)
    monkeypatch.setenv("HEADRACE_TOPIC_PREFIX", settings.topic_prefix)
    monkeypatch.setenv("HEADRACE_STORE", settings.store)

    def shown() -> dict[str, Any]:
        assert execute(["rules", "status", "--json"]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    def as_text() -> str:
        assert execute(["rules", "status"]) == 0
        return capsys.readouterr().out

    def groups_missing() -> list[str]:
        """Without a path, `headrace groups` goes by the rules in force."""
        with simulated_store(store=settings.store) as store:
            monkeypatch.setenv("HEADRACE_BIGCOMMERCE_URL", store.url)
            monkeypatch.setenv("HEADRACE_BIGCOMMERCE_TOKEN", TOKEN)
            assert execute(["groups", "plan", "--json"]) == 0
        return [change["group"] for change in json.loads(capsys.readouterr().out)["changes"]]

    async def scenario() -> None:
        assert await asyncio.to_thread(execute, ["groups", "plan", "--json"]) == 1
        assert json.loads(capsys.readouterr().out)["error"]["code"] == "no_rule_set"
        empty = await asyncio.to_thread(shown)
        assert empty == {"active": None, "activating": None, "partitions_pending": [], "sweep": {"done": 0, "total": 0}}
        await publish(settings, [customer(number) for number in range(1, 31)])
        async with evaluator(settings, tmp_path):

            async def caught_up() -> bool:
                return await committed_lag(settings) == 0

            await until("all committed", caught_up)
        await publish_rules(settings, ladder(1000), 1)
        markers = [(partition, key, value.replace(b'"a1"', b'"teststore:1"')) for partition, key, value in marked()]
        await publish(settings, markers)
        waiting = await asyncio.to_thread(shown)
        assert (waiting["active"], waiting["activating"]) == (None, 1)
        assert waiting["partitions_pending"] == list(range(PARTITIONS))
        assert "on its way" in await asyncio.to_thread(as_text)
        async with evaluator(settings, tmp_path):

            async def swept() -> bool:
                return await asyncio.to_thread(shown) == {
                    "active": 1,
                    "activating": None,
                    "partitions_pending": [],
                    "sweep": {"done": 30, "total": 30},
                }

            await until("in force and swept", swept)
        assert await asyncio.to_thread(as_text) == "version 1 is in force\n"
        assert await asyncio.to_thread(groups_missing) == ["Gold", "Silver"]

    asyncio.run(scenario())


def marked() -> list[tuple[int, bytes, bytes]]:
    return [*clock(BEGIN), *activation(ladder(1000), 1)]

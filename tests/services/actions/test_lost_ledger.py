"""The database is gone, the committed offsets are not: the ledger is filled again and nothing is written wrongly."""

from pathlib import Path

import pytest

from headrace.consumer import loop
from tests.services.actions.sinks import ATTRIBUTES, GROUPS, Sink
from tests.services.consumer_harness import Bench


def lose(folder: Path) -> None:
    """Deletes the database with its journal."""
    files = list(folder.glob("ledger.db*"))
    assert files
    for file in files:
        file.unlink()


@pytest.mark.parametrize("sink", [GROUPS, ATTRIBUTES], ids=lambda sink: sink.name)
async def test_lost_ledger__is_filled_from_the_topic_and_the_store(bench: Bench, tmp_path: Path, sink: Sink) -> None:
    """Only what changed since is written, and reading back costs one call for many."""
    customers = await sink.prepare(bench, 60)
    async with sink.start(bench, tmp_path):
        for step in (1, 2):
            await bench.publish(*(r for customer in customers for r in sink.desire(bench, customer, step)))
            await sink.settled(bench)
    lose(tmp_path)
    seen, before = sink.watch(bench), (await bench.calls())["total"]
    await bench.publish(*(r for customer in customers[:10] for r in sink.desire(bench, customer, 3)))
    async with sink.start(bench, tmp_path):
        await sink.settled(bench)
    assert seen.steps == {customer: [3] for customer in customers[:10]}
    assert (await bench.calls())["total"] - before <= 6


async def test_lost_ledger__the_merchants_own_groups__stay(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What we let go of, and what somebody chose by hand since, is not overwritten by old records of the topic.

    The consumer reads one record, and the next when that one is done, as it does with many where there are millions.
    """
    first, second, third = await bench.make_customers(3, "Gold", "Silver", "Press")
    async with GROUPS.start(bench, tmp_path):
        await bench.publish(*(bench.group(customer, "Gold") for customer in (first, second, third)))
        await GROUPS.settled(bench)
        await bench.publish(bench.group(second, "Silver", observed="Gold"), bench.group(third, None, observed="Gold"))
        await GROUPS.settled(bench)
    await bench.operate({"op": "customer.update", "customer": {"id": 3, "group": "Press"}})
    lose(tmp_path)
    monkeypatch.setattr(loop, "OPEN_LIMIT", 2)
    monkeypatch.setattr(loop, "POLL_RECORDS", 1)
    seen = GROUPS.watch(bench)
    async with GROUPS.start(bench, tmp_path):
        await GROUPS.settled(bench)
        await bench.publish(bench.group(first, "Silver", observed="Gold"))
        await GROUPS.settled(bench)
    assert [await bench.group_of(number) for number in (1, 2, 3)] == ["Silver", "Silver", "Press"]
    assert (await bench.calls())["group_writes"]["unchanged"] == 0
    assert seen.doubles == 0

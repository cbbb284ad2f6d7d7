"""Groups end to end: real Kafka, a simulated store."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.actions.bootstrap import main_of
from services.actions.settings import GroupSettings
from tests.services.consumer_harness import STORE, Bench, bench_of, eventually, in_process, ready

GROUP, TOPIC = "actions.group", "actions.group"
Start = Callable[[], AbstractAsyncContextManager[Running]]


@pytest.fixture
def start(bench: Bench, tmp_path: Path) -> Start:
    """Starts the consumer; its ledger stays from one start to the next."""

    @asynccontextmanager
    async def run() -> AsyncIterator[Running]:
        settings = GroupSettings(**bench.environment, database_url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
        async with in_process(lambda running: main_of(["group"])([settings], running)) as running:
            yield running

    return run


async def test_group__many_customers__are_written_in_full_batches(bench: Bench, start: Start) -> None:
    customers = await bench.make_customers(100, "Gold")
    await bench.publish(*(bench.group(customer, "Gold") for customer in customers))
    async with start():
        await bench.settled(GROUP, TOPIC)
    calls = await bench.calls()
    assert calls["group_writes"] == {"calls": 10, "customers": 100, "unchanged": 0}
    truth = await bench.truth()
    assert {one["group"] for one in truth["customers"].values()} == {"Gold"}
    assert {one["result"] for one in await bench.outcomes()} == {"applied"}


async def test_group__already_there__is_never_written(bench: Bench, start: Start) -> None:
    """The store holds it already, whether the record knows (live) or not (backlog, no ledger)."""
    customers = await bench.make_customers(4, "Gold", group="Gold")
    await bench.publish(*(bench.group(customer, "Gold", observed="") for customer in customers[:2]))
    async with start() as running:
        await bench.settled(GROUP, TOPIC)
        assert running.health.ready
        await bench.publish(*(bench.group(customer, "Gold", observed="Gold") for customer in customers[2:]))
        await bench.settled(GROUP, TOPIC)
    assert (await bench.calls())["group_writes"]["calls"] == 0
    assert [one["result"] for one in await bench.outcomes()] == ["unchanged"] * 4


async def test_group__versions__newest_wins_and_older_are_stale(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold", "Silver")
    old, new = bench.version(), bench.version()
    async with start():
        await bench.publish(bench.group(customer, "Gold", version=new))
        await bench.settled(GROUP, TOPIC)
        await bench.publish(bench.group(customer, "Silver", version=old))
        await bench.settled(GROUP, TOPIC)
    assert await bench.group_of(1) == "Gold"
    assert [one["result"] for one in await bench.outcomes()] == ["applied", "stale"]


async def test_group__null_and_guest__are_left_alone(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold", "Ours", group="Gold")
    async with start():
        await bench.publish(bench.group(customer, None), bench.group(f"{STORE}:guest-ab", "Ours"))
        await bench.settled(GROUP, TOPIC)
        assert (await bench.calls())["group_writes"]["calls"] == 0
        await bench.publish(bench.group(customer, "", observed="Gold"))
        await bench.settled(GROUP, TOPIC)
    assert await bench.group_of(1) == ""


async def test_group__customer_gone_and_unknown_group__are_refused_alone(bench: Bench, start: Start) -> None:
    customers = await bench.make_customers(5, "Gold")
    await bench.operate({"op": "customer.delete", "customer_id": 3})
    async with start():
        # The first write fills the cache of groups, so that the next ones come as one batch.
        await bench.publish(bench.group(customers[0], "Gold"))
        await bench.settled(GROUP, TOPIC)
        await bench.publish(*(bench.group(one, "Gold") for one in customers[1:]), bench.group(customers[0], "Nope"))
        await bench.settled(GROUP, TOPIC)
    truth = (await bench.truth())["customers"]
    assert [truth[str(number)]["group"] for number in (1, 2, 4, 5)] == ["Gold"] * 4
    refused = {one["customer"]: one["reason"] for one in await bench.outcomes() if one["result"] == "refused"}
    assert refused == {f"{STORE}:3": "customer_gone", f"{STORE}:1": "unknown_group"}
    assert (await bench.calls())["group_writes"]["unchanged"] == 0


async def test_group__undecodable_record__is_set_aside(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold")
    async with start():
        await bench.publish_raw([(TOPIC, customer.encode(), b"{"), (TOPIC, customer.encode(), None)])
        await bench.publish(bench.group(customer, "Gold"))
        await bench.settled(GROUP, TOPIC)
    assert await bench.group_of(1) == "Gold"
    assert [letter["reason"] for letter in await bench.dead_letters()] == ["undecodable"]


@pytest.mark.parametrize(
    "reply",
    [
        {"drop": True, "after": True},
        {"status": 200, "body": "<html>", "after": True},
        {"status": 500, "body": {"title": "oops"}, "after": True},
        {"status": 500, "body": {"title": "oops"}},
        {"status": 503, "body": {"title": "maintenance"}},
        {"status": 429, "body": {"title": "overload"}},
        {"drop": True},
    ],
    ids=["lost", "no-json", "failed-after", "failed-before", "maintenance", "overload", "dropped"],
)
async def test_group__vendor_fails_once__converges_without_an_unchanged_write(
    bench: Bench, start: Start, reply: dict[str, Any]
) -> None:
    customers = await bench.make_customers(3, "Gold")
    await bench.fault({"method": "PUT", "path": "/v3/customers"}, reply)
    async with start():
        await bench.publish(*(bench.group(customer, "Gold") for customer in customers))
        await bench.settled(GROUP, TOPIC)
    assert await bench.group_of(3) == "Gold"
    assert (await bench.calls())["group_writes"]["unchanged"] == 0


async def test_group__wrong_token__pauses_and_says_so(bench: Bench, start: Start) -> None:
    (customer,) = await bench.make_customers(1, "Gold")
    await bench.fault({"method": "PUT"}, {"status": 401, "body": {"title": "no"}}, times=None)

    async with start() as running:
        await bench.publish(bench.group(customer, "Gold"))

        async def refused() -> bool:
            return "group: credentials refused" in running.health.reasons

        await eventually(refused, what="readiness")
        assert await bench.lag(GROUP, TOPIC) > 0
        assert await bench.dead_letters() == []


async def test_group__tight_quota__full_batches_and_none_refused(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    """A second app uses 40 % of the store's quota; ours is a third of the rest; everything comes while we write."""
    async with bench_of(topics_created, quota=450, speed=120.0, other_app_share=0.4) as bench:
        customers = await bench.make_customers(600, "Gold", "Silver")
        environment = bench.environment | {"bigcommerce_quota_share": 0.6, "quota_weight": 0.3}
        settings = GroupSettings(**environment, database_url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
        async with in_process(lambda running: main_of(["group"])([settings], running)) as running:
            await ready(running)
            for value, observed in (("Silver", ""), ("Gold", "Silver")):
                records = [bench.group(customer, value, observed=observed) for customer in customers]
                for start in range(0, len(records), 150):
                    await bench.publish(*records[start : start + 150])
            await bench.settled(GROUP, TOPIC, deadline_s=60)
        calls, truth = await bench.calls(), await bench.truth()
    writes = calls["group_writes"]
    assert (calls["status_429_ours"], writes["unchanged"]) == (0, 0)
    assert writes["customers"] / writes["calls"] >= 8
    assert {one["group"] for one in truth["customers"].values()} == {"Gold"}

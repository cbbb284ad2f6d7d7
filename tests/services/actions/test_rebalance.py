"""Two replicas on PostgreSQL: partitions change hands while customers are written."""

from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr

from headrace.runtime.process import Running
from headrace.runtime.settings import ServiceSettings
from services.actions.bootstrap import main_of
from services.actions.settings import GroupSettings
from tests.services.consumer_harness import Bench, bench_of, eventually, in_process, ready

GROUP, TOPIC = "actions.group", "actions.group"


def main_on(bench: Bench, database_url: str) -> Callable[[Running], Awaitable[None]]:
    settings = GroupSettings(**bench.environment, database_url=SecretStr(database_url))
    return lambda running: main_of(["group"])([settings], running)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_group__replicas_come_and_go__nothing_is_lost_or_written_twice(
    topics_created: ServiceSettings, database_url: str
) -> None:
    async with bench_of(topics_created, latency_ms=60) as bench:
        customers = await bench.make_customers(400, "Gold", "Silver")

        async def written_beyond(count: int) -> None:
            async def holds() -> bool:
                return bool((await bench.calls())["group_writes"]["customers"] > count)

            await eventually(holds, what=f"{count} customers written")

        async with in_process(main_on(bench, database_url)) as second:
            async with in_process(main_on(bench, database_url)) as first:
                await ready(first)
                await bench.publish(*(bench.group(customer, "Silver") for customer in customers))
                await written_beyond(50)
                await bench.publish(*(bench.group(customer, "Gold", observed="Silver") for customer in customers))
            await ready(second)
            await bench.settled(GROUP, TOPIC, deadline_s=60)
        truth, calls = await bench.truth(), await bench.calls()
    assert {one["group"] for one in truth["customers"].values()} == {"Gold"}
    assert calls["group_writes"]["unchanged"] == 0

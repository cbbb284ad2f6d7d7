"""Re-segmenting 20,000 customers: how much of our share is used, what it costs, and that no other app suffers."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from headrace.consumer.database import open_database
from headrace.consumer.kind import Applied
from headrace.consumer.ledger import migrate_ledger, store_applied
from headrace.runtime.settings import ServiceSettings
from tests.services.actions.sinks import GROUPS
from tests.services.consumer_harness import Bench, bench_of, eventually, ready

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CHANGED: Final = 20_000
UNCHANGED: Final = 2_000
QUOTA: Final = 450
WINDOW_S: Final = 6.0
"""Real seconds: the vendor's 30 s at five times the speed."""
OTHERS: Final = 0.4


async def test_resegment__whole_share_in_every_window_and_nobody_else_suffers(
    topics_created: ServiceSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"quota": QUOTA, "speed": 30.0 / WINDOW_S, "other_app_share": OTHERS, "latency_ms": 20}
    async with bench_of(topics_created, **options) as bench:
        customers = await _prepared(bench, tmp_path)
        async with GROUPS.start(bench, tmp_path, bigcommerce_quota_share=0.5, quota_weight=1.0) as running:
            await ready(running)
            began = time.monotonic()
            await _publish(bench, customers)
            await _all_gold(bench)
            seconds = time.monotonic() - began
            await GROUPS.settled(bench)
        figures = _figures(await bench.calls(), int(QUOTA * 0.5), seconds)
        results = [outcome["result"] for outcome in await bench.outcomes()]
    with capsys.disabled():
        print("\n" + "\n".join(f"  {name}: {value}" for name, value in figures.items()))  # noqa: T201  # the figures
    assert figures["least of our share used in a whole window"] >= 0.95
    assert figures["most of our share used in a window"] <= 1.0
    assert (figures["429 of ours"], figures["calls the other app could not make"]) == (0, 0)
    assert figures["calls per changed group"] <= 0.11
    assert figures["customers written though unchanged"] == 0
    assert (results.count("applied"), results.count("unchanged")) == (CHANGED, UNCHANGED)


async def _prepared(bench: Bench, folder: Path) -> list[str]:
    """Everybody is Silver, and the ledger knows."""
    customers: list[str] = []
    await bench.operate({"op": "group.create", "group": {"name": "Gold"}})
    people = bench.simulator.world.people
    await bench.operate({"op": "group.create", "group": {"name": "Silver"}})
    silver = next(row.id for row in people.groups if row.name == "Silver")
    for number in range(1, CHANGED + UNCHANGED + 1):
        people.create_customer({"email": f"c{number}@example.com", "group_id": silver}, customer_id=number)
        customers.append(f"{bench.settings.store}:{number}")
    database = open_database(f"sqlite:///{folder / 'ledger.db'}")
    migrate_ledger(database)
    rows = {customer: Applied((1, 0, 0), "Silver") for customer in customers}
    await database.write(lambda connection: store_applied(connection, "group", rows))
    await database.close()
    return customers


async def _publish(bench: Bench, customers: Sequence[str]) -> None:
    """As a sweep does: everybody, in slices; each eleventh stays where it is."""
    for start in range(0, len(customers), 1000):
        await bench.publish(
            *(
                bench.group(customer, "Silver" if (start + at) % 11 == 0 else "Gold", observed="Silver")
                for at, customer in enumerate(customers[start : start + 1000])
            )
        )


async def _all_gold(bench: Bench) -> None:
    async def done() -> bool:
        return bench.simulator.writes.group.customers >= CHANGED

    await eventually(done, what="all written", deadline_s=400)


def _figures(calls: Any, share: int, seconds: float) -> dict[str, float]:
    """`windows` without the first and the last, of which we had only a part."""
    whole = calls["quota"]["windows"][1:-2]
    used = [window["ours"] / share for window in whole]
    due = int(QUOTA * OTHERS)
    total = sum(count for route, count in calls["by_route"].items())
    return {
        "seconds": round(seconds, 1),
        "whole windows": len(whole),
        "used": str(used),
        "least of our share used in a whole window": round(min(used), 3),
        "most of our share used in a window": round(
            max(window["ours"] for window in calls["quota"]["windows"]) / share, 3
        ),
        "429 of ours": calls["status_429"],
        "calls the other app could not make": sum(due - window["others"] for window in whole),
        "calls in all": total,
        "calls per changed group": round(total / CHANGED, 4),
        "customers written though unchanged": calls["group_writes"]["unchanged"],
    }

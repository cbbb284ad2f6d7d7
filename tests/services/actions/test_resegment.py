"""Re-segmenting 20,000 customers: how much of our share is used, what it costs, and that no other app suffers."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
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
QUOTA: Final = 450
SHARE: Final = 0.5


@dataclass(frozen=True)
class Trial:
    """`others`: another app's part of the quota. `part`: ours of our share. `window_s`: real seconds, for 30 s."""

    name: str
    changed: int
    window_s: float
    others: float
    part: float

    @property
    def unchanged(self) -> int:
        """Customers who are looked at and stay where they are."""
        return self.changed // 10


TRIALS: Final = (
    Trial("a second app needs 40 %, the whole share is ours", 20_000, 10.0, 0.4, 1.0),
    Trial("three tenths of the share are ours, the rest is left", 8_000, 20.0, 0.0, 0.3),
)


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
async def test_resegment__whole_share_in_every_window_and_nobody_else_suffers(
    topics_created: ServiceSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str], trial: Trial
) -> None:
    options = {"quota": QUOTA, "speed": 30.0 / trial.window_s, "other_app_share": trial.others, "latency_ms": 20}
    async with bench_of(topics_created, **options) as bench:
        customers = await _prepared(bench, tmp_path, trial.changed + trial.unchanged)
        async with GROUPS.start(bench, tmp_path, bigcommerce_quota_share=SHARE, quota_weight=trial.part) as running:
            await ready(running)
            began = time.monotonic()
            await _publish(bench, customers)
            await _all_gold(bench, trial.changed)
            seconds = time.monotonic() - began
            await GROUPS.settled(bench)
        figures = _figures(await bench.calls(), seconds, trial)
        results = [outcome["result"] for outcome in await bench.outcomes()]
    with capsys.disabled():
        print(f"\n  {trial.name}\n" + "\n".join(f"  {name}: {value}" for name, value in figures.items()))  # noqa: T201  # the figures
    assert figures["least of our share used in a whole window"] >= 0.95
    assert figures["most of our share used in a window"] <= 1.0
    assert (figures["429 of ours"], figures["calls the other app could not make"]) == (0, 0)
    assert figures["calls per changed group"] <= 0.11
    assert figures["customers written though unchanged"] == 0
    assert (results.count("applied"), results.count("unchanged")) == (trial.changed, trial.unchanged)


async def _prepared(bench: Bench, folder: Path, count: int) -> list[str]:
    """Everybody is Silver, and the ledger knows."""
    customers: list[str] = []
    await bench.operate({"op": "group.create", "group": {"name": "Gold"}})
    people = bench.simulator.world.people
    await bench.operate({"op": "group.create", "group": {"name": "Silver"}})
    silver = next(row.id for row in people.groups if row.name == "Silver")
    for number in range(1, count + 1):
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


async def _all_gold(bench: Bench, count: int) -> None:
    async def done() -> bool:
        return bench.simulator.writes.group.customers >= count

    await eventually(done, what="all written", deadline_s=400)


def _figures(calls: Any, seconds: float, trial: Trial) -> dict[str, Any]:
    """Whole windows are those between the first and the last."""
    share, others = int(QUOTA * SHARE), int(QUOTA * trial.others)
    whole = calls["quota"]["windows"][1:-2]
    used = [window["ours"] / share for window in whole]
    total = sum(calls["by_route"].values())
    return {
        "seconds": round(seconds, 1),
        "used, by whole window": " ".join(f"{each:.2f}" for each in used),
        "least of our share used in a whole window": round(min(used), 3),
        "most of our share used in a window": round(
            max(window["ours"] for window in calls["quota"]["windows"]) / share, 3
        ),
        "429 of ours": calls["status_429"],
        "calls the other app could not make": sum(others - window["others"] for window in whole),
        "calls in all": total,
        "calls per changed group": round(total / trial.changed, 4),
        "customers written though unchanged": calls["group_writes"]["unchanged"],
    }

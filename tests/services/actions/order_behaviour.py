"""50 customers with 40 actions each, while the vendor fails by a script: order per customer, nothing done twice.

RudderStack's test of its router, for desired state: a newer value may take a waiting one's place.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import pytest

from tests.services.actions.sinks import STEPS, Seen, Sink
from tests.services.consumer_harness import Bench

CUSTOMERS: Final = 50
FINE: Final[Mapping[str, Any]] = {}
"""No fault: the call is carried out."""
FAILED: Final = {"status": 500, "body": {"title": "oops"}}
REFUSED: Final = {"status": 400, "body": {"title": "bad request"}}
WAIT: Final = {"status": 429, "headers": {"X-Rate-Limit-Time-Reset-Ms": "100"}, "body": {"title": "slow down"}}
OVERLOADED: Final = {"status": 429, "body": {"title": "overload"}}
SCRIPTS: Final[Mapping[str, Sequence[Mapping[str, Any]]]] = {
    "500-500-200": [FAILED, FAILED, FINE],
    "400-200": [REFUSED, FINE, FINE],
    "429-200": [WAIT, FINE, FINE, OVERLOADED, FINE],
    "all": [FAILED, FAILED, FINE, REFUSED, FINE, WAIT, FINE, {**FAILED, "after": True}, FINE],
}
"""By name: what the vendor answers to one write after the other, again and again."""
_FAULTS: Final = 90


def parameters() -> list[Any]:
    """The scripts for `parametrize`: all in one in every run, each alone in the long ones."""
    return [name if name == "all" else pytest.param(name, marks=pytest.mark.slow) for name in SCRIPTS]


async def check_order(sink: Sink, bench: Bench, folder: Path, script: Sequence[Mapping[str, Any]]) -> None:
    """Publishes everything while the consumer works, then compares what the vendor did with what was wanted."""
    customers = await sink.prepare(bench, CUSTOMERS)
    seen = sink.watch(bench)
    answers = list(islice(cycle(script), _FAULTS))
    await bench.sim("/faults", [{"match": dict(sink.match), "reply": dict(answer)} for answer in answers])
    steps: dict[tuple[str, int], int] = {}
    async with sink.start(bench, folder):
        for step in range(1, STEPS + 1):
            records = [record for customer in customers for record in sink.desire(bench, customer, step)]
            steps |= {(record.customer, record.version[1]): step for record in records}
            await bench.publish(*records)
            await _keeping_up(seen, step)
        await sink.settled(bench, deadline_s=90)
    assert (await bench.sim("/faults"))["waiting"] < _FAULTS - len(script), "no faults landed"
    seen.check_order()
    assert seen.writes >= 5 * CUSTOMERS, "nearly all was superseded: nothing was shown"
    lost = sum(bool(answer.get("after")) for answer in answers)
    assert seen.doubles <= (lost * sink.batch if sink.repeats else 0), "done twice"
    _check_outcomes(await bench.outcomes(), steps, seen.steps, customers)


async def _keeping_up(seen: Seen, step: int) -> None:
    """Waits a little for the vendor to have seen most customers' last but one value, so that not all is superseded."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            while seen.reached(step - 1) < CUSTOMERS // 2:
                await asyncio.sleep(0.005)


def _check_outcomes(
    outcomes: Sequence[Mapping[str, Any]],
    steps: Mapping[tuple[str, int], int],
    seen: Mapping[str, Sequence[int]],
    customers: Sequence[str],
) -> None:
    """Each action came to an end that the outcomes tell, and each customer has the newest that was not refused.

    What is refused in part counts as refused.
    """
    told: dict[str, dict[int, str]] = {customer: {} for customer in customers}
    for outcome in outcomes:
        step = steps.get((outcome["customer"], outcome["version"][1]))
        if step is not None:  # else it is of the sink's preparations
            told[outcome["customer"]][step] = outcome["result"].replace("overflow", "refused")
    for customer in customers:
        assert len(told[customer]) == STEPS, customer
        reached = [step for step, result in told[customer].items() if result in ("applied", "unchanged")]
        newest = seen[customer][-1]  # one newer than any applied was done, its answer lost, and then superseded
        assert newest == max(reached) or (newest > max(reached) and told[customer][newest] == "stale"), customer
        newer = [told[customer][step] for step in range(max(reached) + 1, STEPS + 1)]
        assert set(newer) <= {"refused", "stale"}, (customer, newer)
        assert not newer or newer[-1] == "refused", "the newest was forgotten"

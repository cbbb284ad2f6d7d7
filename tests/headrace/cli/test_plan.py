"""`headrace plan` and `headrace apply PLAN` on real Kafka: what was planned is what then happens, or it is refused."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.contracts.topics import ACTIONS_EFFECTS
from headrace.runtime.settings import ServiceSettings
from headrace.segmentation.codec import decode_state
from headrace.segmentation.plan import group_of
from services.evaluator.engine.state import PAGE_SIGN
from tests.services.evaluator.replay.scene import (
    CUSTOMERS,
    caught_up,
    changelog_of,
    headrace,
    outputs,
    people,
    traffic,
)
from tests.services.evaluator.service import BEGIN, clock, customer, evaluator, order, publish, read, until

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]  # a dozen commands each, on a machine that may be busy
BEGINNING = """store: {timezone: Europe/London, currency: GBP}
groups: [{name: Gold}, {name: Silver}]
group_order: [Gold, Silver]
"""
LADDER = """ladders:
  - id: loyalty
    by: customer.spend
    rungs: [{group: Silver}, {group: Gold, from: %s}]
"""
SEGMENTS = """segments:
  - {id: frequent, who: {customer.orders: {above: 2}}, attributes: {frequent: yes}, tags: [{mailchimp: Frequent}],
     on_enter: [{notify_staff: {channel: sales, text: buys often}}]}
  - {id: no-company, who: {customer.company: {is_not: Acme}}, attributes: {company: other}}
"""


def written(folder: Path, text: str, name: str = "rules.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


async def ok(settings: ServiceSettings, *words: str) -> dict[str, Any]:
    said = await headrace(settings, *words)
    assert said.code == 0, (said.json, said.stderr[-3000:])
    return said.json


async def settled(settings: ServiceSettings, version: int) -> None:
    """Returns when everybody has seen this version."""
    await caught_up(settings)

    async def seen() -> bool:
        states = await changelog_of(settings, 1)
        return all(
            decode_state(body).rules_version == version for key, (_, body) in states.items() if PAGE_SIGN not in key
        )

    await until(f"everybody to be on version {version}", seen)


async def told(settings: ServiceSettings) -> dict[str, dict[str, Any]]:
    """What others are told of each customer, and its segments."""
    found = {}
    for key, (_, body) in (await changelog_of(settings, 1)).items():
        if PAGE_SIGN not in key:
            state = decode_state(body)
            found[key.decode()] = {
                "group": group_of(state),
                "attributes": {name: list(values) for name, values in state.emitted.attributes.items()},
                "tags": {str(name): list(values) for name, values in state.emitted.tags.items()},
                "segments": list(state.standing.segments),
            }
    return found


def of_customers(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line["customer"]: line for line in lines}


async def test_plan_and_apply__nothing_between__every_customer_is_as_planned(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    first = written(tmp_path, BEGINNING + LADDER % 200, "first.yaml")
    second = written(tmp_path, BEGINNING + LADDER % 60 + SEGMENTS, "second.yaml")
    plan, changing = str(tmp_path / "plan.json"), tmp_path / "customers.jsonl"
    await publish(settings, [*people(), *traffic(1, 200)])
    async with evaluator(settings, tmp_path):
        await caught_up(settings)
        empty = await ok(settings, "plan", first, "-o", plan)
        assert (empty["base_version"], empty["customers"], empty["moved"]) == (0, CUSTOMERS, CUSTOMERS)
        assert {(move["from"]) for move in empty["moves"]} == {""}
        assert (await ok(settings, "apply", plan, "--wait"))["version"] == 1
        await settled(settings, 1)
        before, said_before = await told(settings), await outputs(settings)
        exact = await headrace(settings, "plan", first, "--detailed-exitcode")
        assert (exact.code, exact.json["changed"], exact.json["moves"]) == (0, 0, [])

        said = await headrace(settings, "plan", second, "-o", plan, "--customers", str(changing), "--detailed-exitcode")
        assert said.code == 4, said.stderr[-3000:]
        found = said.json
        assert await told(settings) == before
        assert await outputs(settings) == said_before, "a plan tells nobody"
        assert found["matched_only_by_unset"] == CUSTOMERS, "no company is known of anybody"
        assert found["base_version"] == 1
        assert sorted(found["offsets"]) == ["0", "1", "2"]
        assert found["vendor_calls"] > 0
        (released,) = found["effects"]
        assert released["rule"] == "frequent"
        planned = of_customers(changing)

        applied = await ok(settings, "apply", plan, "--wait", "--confirm", "--send-effects", "frequent")
        assert (applied["version"], applied["changed"], applied["drifted"]) == (2, True, [])
        again = await ok(settings, "apply", plan)
        assert (again["version"], again["changed"]) == (2, False)
        await settled(settings, 2)
        after = await told(settings)
        sent = [value["entry"] for _, value in await read(settings, ACTIONS_EFFECTS)]

    assert sent == ["segment:frequent"] * released["count"]
    assert {name: line["before"] for name, line in planned.items()} == {name: before[name] for name in planned}
    assert {name: line["after"] for name, line in planned.items()} == {name: after[name] for name in planned}
    assert all(before[name] == after[name] for name in before.keys() - planned.keys())
    moved = [name for name in before if before[name]["group"] != after[name]["group"]]
    assert found["moved"] == sum(move["count"] for move in found["moves"]) == len(moved) > 0
    assert found["changed"] == len(planned)
    entered = {one["id"]: one["entered"] for one in found["segments"]}
    assert entered == {
        name: sum(name in customer["segments"] for customer in after.values()) for name in ("frequent", "no-company")
    }


async def test_apply__plan_that_no_longer_holds__is_refused_and_says_what_differs(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    first = written(tmp_path, BEGINNING + LADDER % 200, "first.yaml")
    second = written(tmp_path, BEGINNING + LADDER % 60, "second.yaml")
    plan = str(tmp_path / "plan.json")
    await publish(settings, people())
    # 1 to 39 spend 100.00 and are to become Gold; 40 to 59 spend nothing.
    await publish(settings, [order(number, number, 10_000) for number in range(1, 40)])
    async with evaluator(settings, tmp_path):
        await ok(settings, "apply", "--from", first, "--wait")
        await settled(settings, 1)
        found = await ok(settings, "plan", second, "-o", plan)
        assert [(move["from"], move["to"], move["count"]) for move in found["moves"]] == [("Silver", "Gold", 39)]
        assert found["spend"] == {"amount_minor": 390_000, "currency": "GBP"}

        refused = await headrace(settings, "apply", plan)
        assert (refused.code, refused.json["error"]["code"]) == (1, "confirm_needed")
        await publish(settings, [order(40, 400, 10_000), order(1, 401, 50_000), *clock(BEGIN + timedelta(days=2))])
        await caught_up(settings)
        refused = await headrace(settings, "apply", plan, "--confirm")
        assert (refused.code, refused.json["error"]["code"]) == (1, "plan_drifted")
        drifted = {one["customer"]: (one["planned"], one["now"]) for one in refused.json["drifted"]}
        move = {"from": "Silver", "to": "Gold"}
        assert drifted == {"teststore:40": (None, move), "teststore:1": (move, None)}
        assert (await ok(settings, "rules", "status"))["active"] == 1

        allowed = await ok(settings, "apply", plan, "--confirm", "--max-drift", "10", "--wait")
        assert allowed["version"] == 2
        assert {one["customer"] for one in allowed["drifted"]} == set(drifted)

        stale = await headrace(settings, "plan", first, "-o", plan)
        assert stale.code == 0
        await ok(settings, "apply", "--from", written(tmp_path, BEGINNING + LADDER % 70, "third.yaml"), "--wait")
        moved = await headrace(settings, "apply", plan, "--confirm")
        assert (moved.code, moved.json["error"]["code"]) == (1, "base_moved")
        assert "version 2" in moved.json["error"]["message"]


async def test_plan_and_apply__taking_over__moves_customers_out_of_a_group_that_is_not_ours(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings, plan = topics_created, str(tmp_path / "plan.json")
    rules = written(tmp_path, BEGINNING + LADDER % 60)
    await publish(settings, [customer(number, group="Friends" if number < 3 else "") for number in range(10)])
    async with evaluator(settings, tmp_path):
        await ok(settings, "apply", "--from", rules, "--wait")
        await settled(settings, 1)
        assert {one["group"] for one in (await told(settings)).values()} == {"Friends", "Silver"}
        assert (await ok(settings, "plan", rules, "-o", plan))["moved"] == 0
        found = await ok(settings, "plan", rules, "-o", plan, "--take-over")
        assert [(move["from"], move["to"], move["count"]) for move in found["moves"]] == [("Friends", "Silver", 3)]
        refused = await headrace(settings, "apply", plan)
        assert (refused.code, refused.json["error"]["code"]) == (1, "take_over_differs")
        applied = await ok(settings, "apply", plan, "--take-over", "--wait")
        assert (applied["version"], applied["changed"]) == (2, True), "the same rules, once more"
        await settled(settings, 2)
        assert {one["group"] for one in (await told(settings)).values()} == {"Silver"}
        again = await ok(settings, "apply", plan, "--take-over")
        assert (again["version"], again["changed"]) == (2, False)

"""`headrace audit` on real Kafka: what a live evaluator keeps is counted, all partitions together."""

from datetime import timedelta
from pathlib import Path

import pytest

from headrace.runtime.settings import ServiceSettings
from tests.services.evaluator.replay.scene import caught_up, headrace, ladder
from tests.services.evaluator.service import (
    BEGIN,
    activation,
    clock,
    customer,
    evaluator,
    order,
    publish,
    publish_rules,
)

pytestmark = pytest.mark.kafka


async def test_audit__live_state__is_counted_and_what_has_gone_silent_is_named(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    settings = topics_created
    await publish_rules(settings, ladder(100_00), 1)
    records = [*clock(BEGIN), *(customer(number) for number in range(8)), *activation(ladder(100_00), 1)]
    records += [order(day % 8, day, 60_00, day=day) for day in range(1, 21)]
    records += clock(BEGIN + timedelta(days=40))
    await publish(settings, records)
    async with evaluator(settings, tmp_path):
        await caught_up(settings)
    said = await headrace(settings, "audit")
    assert said.code == 1, (said.json, said.stderr[-2000:])
    assert (said.json["customers"], said.json["guests"], said.json["rules_version"]) == (8, 0, 1)
    (orders,) = [one for one in said.json["sources"] if one["source"] == "orders"]
    assert (orders["count"], orders["silent"]) == (20, True)
    members = {one["name"]: one["members"] for one in said.json["memberships"]}
    assert sum(count for name, count in members.items() if name.startswith("ladder:loyalty")) == 8
    assert "silent_source" in {finding["code"] for finding in said.json["findings"]}

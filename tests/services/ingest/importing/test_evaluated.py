"""A file imported, and what the evaluator makes of it: who belongs somewhere is there, and nobody hears of it."""

from pathlib import Path

import pytest

from headrace.contracts.topics import ACTIONS_ATTRIBUTES, ACTIONS_EFFECTS, ACTIONS_GROUP
from headrace.rules.load import Source, load_texts
from headrace.runtime.settings import ServiceSettings
from services.ingest.importing.reading import How
from services.ingest.importing.run import ImportSettings, Options, run_import
from tests.services.evaluator.service import activation, committed_lag, evaluator, publish, publish_rules, read, until

pytestmark = pytest.mark.timeout(120)
RULES = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Wholesale, kind: B2B, erp_id: W-1}, {name: Gold}]
group_order: [Wholesale, Gold]
segments:
  - id: gold
    who: {customer.spend: {from: 10}}
    group: Gold
    attributes: {tier: gold}
    on_enter: [{notify_staff: {channel: sales, text: A new one}}]
rules:
  - id: mug
    when: product.ordered
    if: {order.lines: {any: {sku: MUG}}}
    then: [{notify_staff: {channel: sales, text: A mug}}]
"""
FILE = """\
customer,email,group,erp_id,order,ordered_at,sku,quantity,price
1,ann@example.org,W-1,D-1,A,2024-11-02,MUG,4,2.50
2,bob@example.org,,D-2,B,2024-11-02,MUG,5,2.50
3,cy@example.org,,D-3,C,2024-11-02,MUG,1,2.50
"""


async def test_import__three_customers_twice__groups_and_attributes_and_no_effect(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    rule_set = load_texts([Source("rules.yaml", RULES)]).rule_set
    assert rule_set is not None
    await publish_rules(topics_created, rule_set, 1)
    await publish(topics_created, activation(rule_set, 1))
    path = tmp_path / "erp.csv"
    path.write_text(FILE)
    settings = ImportSettings(**topics_created.model_dump(), hash_key="hk")  # type: ignore[arg-type]  # read as a secret
    told = []
    async with evaluator(topics_created, tmp_path):
        for _ in range(2):
            result = await run_import(settings, Options(path, How()))
            assert (result["accepted"], result["refused"]) == (3, 0)

            async def is_settled() -> bool:
                return await committed_lag(topics_created) == 0

            await until("the evaluator", is_settled)
            groups = {key: value["value"] for key, value in await read(topics_created, ACTIONS_GROUP)}
            attributes = {key: value["present"] for key, value in await read(topics_created, ACTIONS_ATTRIBUTES)}
            told.append((groups, attributes, await read(topics_created, ACTIONS_EFFECTS)))
    groups, attributes, effects = told[0]
    assert groups == {b"teststore:1": "Wholesale", b"teststore:2": "Gold"}
    assert attributes == {
        b"teststore:1": {"erp_id": ["D-1"], "tier": ["gold"]},
        b"teststore:2": {"erp_id": ["D-2"], "tier": ["gold"]},
        b"teststore:3": {"erp_id": ["D-3"]},
    }
    assert effects == []
    assert told[1] == told[0]

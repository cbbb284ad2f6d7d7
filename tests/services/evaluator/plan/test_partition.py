"""One partition planned, without Kafka: what was planned is what the evaluator's own fold then comes to."""

import json
import random
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.rules.model import Each, RuleSet, Segment, encode_rule_set
from headrace.segmentation.codec import decode_state
from headrace.segmentation.plan import group_of
from headrace.segmentation.state import State
from services.evaluator.engine.state import PAGE_SIGN, encode_record
from services.evaluator.plan.partition import Planned, Task, part_of, plan_state
from services.evaluator.replay.stopwatch import Stopwatch
from tests.headrace.segmentation.test_plan import changes, compiled
from tests.headrace.segmentation.test_properties import LATCHED, leaf
from tests.services.evaluator.bench import Bench
from tests.services.evaluator.service import BEGIN, STORE, Record, activation, clock, customer, order

FEW = settings(max_examples=25)
Told = dict[str, Any]


def population(seed: int, count: int = 12) -> list[Record]:
    chance = random.Random(seed)
    records = [customer(number, country=chance.choice(["GB", "FR"])) for number in range(count) if number % 5]
    for number in range(3 * count):
        brand = chance.choice(["Apple", "Pear"])
        total, units = chance.randrange(100, 2_000), chance.randrange(1, 5)
        records.append(order(chance.randrange(count), number, total, brand=brand, units=units))
    return [*records, *clock(BEGIN + timedelta(days=3))[:1]]


def planned(bench: Bench, rule_set: RuleSet, version: int) -> tuple[Planned, dict[str, Told]]:
    """What is said of the partition, and the customers that change."""
    with tempfile.TemporaryDirectory() as folder:
        task = Task(1, 0, STORE, encode_rule_set(rule_set), version, folder)
        found = plan_state(bench.partition, bench.sets, task, Stopwatch())
        lines = part_of(Path(folder), 0).read_text(encoding="utf-8").splitlines()
    return found, {line["customer"]: line for line in map(json.loads, lines)}


def states(bench: Bench) -> dict[str, State]:
    found = {}
    for key in bench.partition.keys():  # noqa: SIM118  # not a mapping
        stored = bench.partition.get(key)
        assert stored is not None
        found[key.decode()] = decode_state(stored.body)
    return found


def told(bench: Bench) -> dict[str, Told]:
    return {
        key: {
            "group": group_of(state),
            "attributes": {name: list(values) for name, values in state.emitted.attributes.items()},
            "tags": {name: list(values) for name, values in state.emitted.tags.items()},
            "segments": list(state.standing.segments),
        }
        for key, state in states(bench).items()
    }


def put_in_force(bench: Bench, rule_set: RuleSet, version: int) -> None:
    bench.rules(rule_set, version)
    bench.feed(*activation(rule_set, version)[:1])
    bench.sweep()


@FEW
@given(changes(), st.integers(0, 10_000))
def test_plan_state__any_change_of_rules__is_what_the_sweep_then_does(
    change: tuple[RuleSet, RuleSet], seed: int
) -> None:
    old, new = change
    if compiled(old) is None or compiled(new) is None:
        return
    bench = Bench()
    put_in_force(bench, old, 1)
    bench.feed(*population(seed))
    bench.sweep()  # timers that are due by now
    before = told(bench)
    found, changing = planned(bench, new, 2)
    put_in_force(bench, new, 2)
    after = told(bench)
    renames = {one.renamed_from: one.id for one in new.segments if one.renamed_from is not None}
    for one in before.values():
        one["segments"] = sorted(renames.get(name, name) for name in one["segments"])

    assert (found.base, found.unreadable, found.found.customers) == (1, 0, len(before))
    assert set(changing) == {name for name in before if before[name] != after[name]}
    assert {name: (one["before"], one["after"]) for name, one in changing.items()} == {
        name: (before[name], after[name]) for name in changing
    }


def many_orders(bench: Bench, number: int) -> None:
    """A customer whose orders do not all fit into its record."""
    bench.feed(customer(number), *(order(number, 1_000 * number + one, 1_000, brand="Pear") for one in range(120)))


def test_plan_state__orders_on_pages__are_read() -> None:
    bench = Bench()
    put_in_force(bench, LATCHED, 1)
    many_orders(bench, 1)
    assert any(PAGE_SIGN in key for key in bench.partition.records)
    pears = Each(
        field="customer.purchased", quantifier="count", of=leaf("brand", "is", "pear"), operator="is", operand=120
    )
    rule_set = RuleSet(store=LATCHED.store, segments=(Segment(id="pears", who=pears, attributes={"a": ("b",)}),))
    _, changing = planned(bench, rule_set, 2)
    assert changing[f"{STORE}:1"]["after"]["segments"] == ["pears"]


def test_plan_state__damaged_states_and_other_stores__are_left_out() -> None:
    bench = Bench()
    put_in_force(bench, LATCHED, 1)
    bench.feed(customer(1), customer(2))
    bench.partition.update({f"{STORE}:2".encode(): encode_record(9, b"\xff"), b"other:1": encode_record(9, b"\xff")})
    found, _ = planned(bench, LATCHED, 2)
    assert (found.found.customers, found.unreadable) == (1, 1)


def test_plan_state__no_rules_yet__is_compared_with_none() -> None:
    bench = Bench()
    bench.feed(*population(1))
    found, changing = planned(bench, LATCHED, 1)
    assert found.base == 0
    assert {one["before"]["group"] for one in changing.values()} == {"", None}
    assert found.position == bench.partition.applied + 1

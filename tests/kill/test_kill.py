"""The share of the soak that every test run has: a few seeds that together have every kind of fault, fold and load."""

from pathlib import Path

import pytest

from headrace.runtime.dependency import DependencyError
from tests.conftest import skip_or_fail
from tests.kill.plan import FAULTS, Plan, draw
from tests.kill.run import run_seed

SEEDS = (11, 18, 24)
SECONDS = 25.0
"""Of faults per run, shorter than in the soak: all runs together take four minutes."""


def plan_of(seed: int) -> Plan:
    return draw(seed, seconds=SECONDS)


def test_seeds__together__have_every_kind() -> None:
    plans = [plan_of(seed) for seed in SEEDS]
    assert {kind for plan in plans for kind in plan.kinds} == set(FAULTS)
    assert {plan.fold for plan in plans} == {"counting", "customers"}
    assert {plan.load for plan in plans} == {"full", "low"}


@pytest.mark.kafka
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_run__seed__exact(seed: int, tmp_path: Path) -> None:
    try:
        outcome = run_seed(plan_of(seed), tmp_path)
    except DependencyError as error:
        skip_or_fail(f"no Kafka: {error}", "REQUIRE_REAL_KAFKA")
    assert not outcome.problems, outcome

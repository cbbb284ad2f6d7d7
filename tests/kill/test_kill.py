"""The share of the soak that every test run has: a few seeds that together have every kind of fault, fold and load."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from headrace.runtime.dependency import DependencyError
from tests.conftest import skip_or_fail
from tests.kill.plan import FAULTS, Plan, draw
from tests.kill.run import Outcome, run_seed

SEEDS = (11, 18, 24)
SECONDS = 25.0
"""Of faults per run, shorter than in the soak: all runs together take two minutes."""
PARALLEL = 2
"""As in the soak: most of a run is waiting."""


def plan_of(seed: int) -> Plan:
    return draw(seed, seconds=SECONDS)


def test_seeds__together__have_every_kind() -> None:
    plans = [plan_of(seed) for seed in SEEDS]
    assert {kind for plan in plans for kind in plan.kinds} == set(FAULTS)
    assert {plan.fold for plan in plans} == {"counting", "customers"}
    assert {plan.load for plan in plans} == {"full", "low"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Future[Outcome]]]:
    """All seeds' runs, under way; one alone is `make soak SEEDS=...`."""
    pool = ThreadPoolExecutor(PARALLEL)
    try:
        yield {seed: pool.submit(run_seed, plan_of(seed), tmp_path_factory.mktemp(f"seed-{seed}-")) for seed in SEEDS}
    finally:
        pool.shutdown(cancel_futures=True)


@pytest.mark.kafka
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", SEEDS)
def test_run__seed__exact(seed: int, runs: dict[int, Future[Outcome]]) -> None:
    try:
        outcome = runs[seed].result()
    except DependencyError as error:
        skip_or_fail(f"no Kafka: {error}", "REQUIRE_REAL_KAFKA")
    assert not outcome.problems, outcome

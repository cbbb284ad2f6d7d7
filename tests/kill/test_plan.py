"""What the seeds draw: the same each time, and together every kind of fault, phase, fold and load."""

from collections import Counter

import pytest

from tests.kill.plan import FAULTS, PHASES, SESSION_S, draw

SEEDS = range(1, 101)


def test_draw__same_seed__same_plan() -> None:
    assert draw(7) == draw(7)
    assert draw(7).faults != draw(9).faults


def test_draw__hundred_seeds__every_kind_many_times() -> None:
    plans = [draw(seed) for seed in SEEDS]
    kinds = Counter(kind for plan in plans for kind in plan.kinds)
    assert set(kinds) == set(FAULTS)
    assert min(kinds.values()) >= 25
    phases = Counter(fault.phase for plan in plans for fault in plan.faults if fault.kind == "inside")
    assert set(phases) == set(PHASES)
    ways = Counter((plan.fold, plan.load) for plan in plans)
    assert len(ways) == 4
    assert min(ways.values()) >= 15
    assert {plan.workers for plan in plans} == {1, 2, 3, 4}


@pytest.mark.parametrize("seed", SEEDS)
def test_draw__any_seed__script_in_order_and_stops_beyond_the_session(seed: int) -> None:
    faults = draw(seed).faults
    assert len(faults) >= 5
    assert [fault.at_s for fault in faults] == sorted(fault.at_s for fault in faults)
    assert sum(fault.kind == "broker" for fault in faults) <= 1
    assert all(fault.lasts_s > SESSION_S for fault in faults if fault.kind in {"stop", "inside"})

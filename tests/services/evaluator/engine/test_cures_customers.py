"""The cure that only customers show: a deleted one leaves a grave, never a tombstone."""

from collections.abc import Callable

import pytest

from headrace.contracts.events import CUSTOMER_DELETED, CustomerDeleted
from headrace.segmentation.codec import decode_state
from services.evaluator.engine.cures import Cure
from tests.services.evaluator.bench import Bench
from tests.services.evaluator.engine.world import WELL
from tests.services.evaluator.service import BEGIN, _event, customer, order


def late_event_after_a_deletion() -> str:
    """A worker that restarts knows no more than the records."""
    bench = Bench()
    bench.feed(customer(1))
    bench.feed(_event(1, CustomerDeleted(customer_id="1"), CUSTOMER_DELETED, "c1", BEGIN))
    bench.open()
    bench.feed(order(1, 101, 5_000))
    held = bench.partition.get(b"teststore:1")
    assert held is not None
    return WELL if decode_state(held.body).deleted else "the customer is back"


SCENARIOS: dict[Cure, tuple[Callable[[], str], str]] = {
    "grave": (late_event_after_a_deletion, "the customer is back"),
}


@pytest.mark.parametrize("cure", SCENARIOS)
def test_cure__in_place__all_is_well(cure: Cure) -> None:
    scenario, _ = SCENARIOS[cure]
    assert scenario() == WELL


@pytest.mark.parametrize("cure", SCENARIOS)
def test_cure__taken_out__ends_in_its_fault(cure: Cure, without: Callable[[str], None]) -> None:
    scenario, fault = SCENARIOS[cure]
    without(cure)
    assert scenario() == fault

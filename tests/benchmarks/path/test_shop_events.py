"""The shop's records: what ingest would write, in copies that do not touch each other."""

from pathlib import Path

import pytest

from benchmarks.engine.workload import PARTITIONS
from benchmarks.path.floor import event_us, state_us
from benchmarks.path.shop_events import STORE, shop_records
from headrace.contracts.events import CustomerSnapshot, OrderSnapshot, decode_event
from headrace.contracts.topics import partition_of
from headrace.demo.scenario import Scenario, load_scenario
from headrace.segmentation.codec import encode_state
from headrace.segmentation.state import State

DATA = Path(__file__).parents[3] / "examples" / "online_retail" / "online_retail.parquet"


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return load_scenario(DATA, seed=1, orders=150)


def test_shop_records__twice__are_the_same(scenario: Scenario) -> None:
    assert list(shop_records(scenario, 2)) == list(shop_records(scenario, 2))


def test_shop_records__two_copies__have_customers_and_orders_of_their_own(scenario: Scenario) -> None:
    one, two = list(shop_records(scenario, 1)), list(shop_records(scenario, 2))
    assert len(two) == 2 * len(one)
    assert len({record.key for record in two}) == 2 * len({record.key for record in one})
    assert {record.key for record in one} < {record.key for record in two}


def test_shop_records__each__lies_where_its_key_does_and_says_whose_it_is(scenario: Scenario) -> None:
    for record in shop_records(scenario, 1):
        event = decode_event(record.value)
        assert record.key == event.envelope.subject.encode()
        assert record.key.startswith(f"{STORE}:".encode())
        assert record.partition == partition_of(record.key, PARTITIONS)


def test_shop_records__a_customer__comes_once_and_before_the_orders(scenario: Scenario) -> None:
    seen: set[bytes] = set()
    for record in shop_records(scenario, 1):
        data = decode_event(record.value).data
        if isinstance(data, CustomerSnapshot):
            assert record.key not in seen
            seen.add(record.key)
        elif b":guest-" not in record.key:
            assert record.key in seen


def test_shop_records__a_refund__is_the_order_again_with_it(scenario: Scenario) -> None:
    orders = [decode_event(record.value).data for record in shop_records(scenario, 1)]
    refunded = [order for order in orders if isinstance(order, OrderSnapshot) and order.refunds]
    assert refunded
    assert {order.status for order in refunded} <= {"refunded", "partially_refunded"}
    assert all(order.lines for order in refunded)


def test_floor__some_bytes__takes_some_time(scenario: Scenario) -> None:
    events = [record.value for record in shop_records(scenario, 1)]
    assert event_us(events) > 0
    assert state_us([encode_state(State("s:1"))] * 1000) > 0

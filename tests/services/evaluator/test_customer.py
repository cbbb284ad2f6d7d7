"""A customer's pages in the shell: read over the open epoch's, written with its record, removed with its data."""

from datetime import timedelta

import pytest

from headrace.contracts.events import CUSTOMER_DELETED, CustomerDeleted, encode_event
from headrace.segmentation import pages as paging
from headrace.segmentation.codec import decode_entry, decode_state, page_content
from headrace.segmentation.pages import Limits
from services.evaluator import agent
from services.evaluator.customer import StoredPages
from services.evaluator.engine.fold import Stored
from services.evaluator.engine.state import encode_record
from tests.services.evaluator.bench import Bench
from tests.services.evaluator.service import BEGIN, Record, activation, clock, customer, order
from tests.services.evaluator.test_agent import LOG, ladder, one, outcome

KEY = b"teststore:1"


@pytest.fixture(autouse=True)
def _everything_on_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        paging, "LIMITS", Limits(ledger_bytes=0, ledger_kept_bytes=0, order_bytes=0, changes=2, changes_a_page=1)
    )


def deleted(number: int) -> Record:
    key = f"teststore:{number}"
    value = encode_event(
        CustomerDeleted(customer_id=str(number)),
        type=CUSTOMER_DELETED,
        id="gone",
        store="teststore",
        subject=key,
        time=BEGIN,
        origin="live",
    )
    return 0, key.encode(), value


def page(bench: Bench, name: str) -> Stored:
    found = bench.partition.get(KEY + b"#" + name.encode())
    assert found is not None
    return found


def test_close__orders_on_pages__are_written_with_the_mark_of_their_events() -> None:
    bench = Bench()
    bench.feed(customer(1), order(1, 101, 5_000), order(1, 102, 700, day=2))
    assert set(bench.partition.pages(KEY)) == {KEY + b"#order:101", KEY + b"#order:102"}
    assert page(bench, "order:101").mark == 1
    assert decode_entry(page_content(page(bench, "order:102").body)).total == 700
    state = bench.partition.get(KEY)
    assert state is not None
    assert decode_state(state.body).ledger == {}


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("epochs", [True, False])
def test_apply__order_edited__page_edited_in_place(*, restart: bool, epochs: bool) -> None:
    """Also within the epoch that wrote the page, and after a restart."""
    bench = Bench()
    events = (customer(1), order(1, 101, 5_000), order(1, 101, 600, day=3))
    for batch in [events[:2], events[2:]] if epochs else [events]:
        bench.feed(*batch)
        if restart:
            bench.open()
    assert (page(bench, "order:101").mark, bench.partition.page_count) == (2, 1)
    state = bench.partition.get(KEY)
    assert state is not None
    assert decode_state(state.body).totals.spend == 600


def test_apply__customer_deleted__its_pages_are_removed() -> None:
    bench = Bench()
    bench.rules(ladder(1000), 1)
    bench.feed(one(activation(ladder(1000), 1)), customer(1), order(1, 101, 500), order(1, 102, 5_000), customer(2))
    bench.feed(order(2, 103, 1), order(1, 104, 1), deleted(1))
    assert [key for key in bench.partition.records if b"#" in key and key.startswith(KEY)] == []
    grave = bench.partition.get(KEY)
    assert grave is not None
    assert decode_state(grave.body).deleted
    assert len(bench.partition.pages(b"teststore:2")) > 0, "nobody else's are"


def test_close__page_too_large__event_set_aside_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.feed(customer(1), order(1, 101, 5_000))
    before = dict(bench.partition.records)
    monkeypatch.setattr(agent, "MAX_RECORD_BYTES", 1_000)
    bench.feed(order(1, 102, 5_000), order(1, 103, 5_000, brand="B" * 1_000), customer(2))
    assert bench.letters() == [("oversized", 2), ("oversized", 3)]
    assert {key: value for key, value in bench.partition.records.items() if key.startswith(KEY)} == {
        key: value for key, value in before.items() if key.startswith(KEY)
    }


def test_apply__page_damaged__event_set_aside() -> None:
    bench = Bench()
    bench.feed(customer(1), order(1, 101, 5_000))
    bench.partition.update({KEY + b"#order:101": encode_record(1, b"\x01rubbish")})
    bench.feed(order(1, 101, 700, day=2), order(1, 102, 700, day=2))
    assert bench.letters() == [("state_unreadable", 2)]


def test_fold__with_pages__epochs_sweeps_and_restarts_show_in_nothing() -> None:
    steps = [(2, "on"), (1, "restart"), (3, "slice"), (1, "sweep"), (4, "restart"), (2, "slice")]
    assert outcome(steps) == outcome([(1, "on")] * len(LOG))


def test_orders__pages_of_the_open_epoch__are_laid_over_the_partition_s() -> None:
    bench = Bench()
    bench.feed(customer(1), order(1, 101, 5_000), one(clock(BEGIN + timedelta(days=1))))
    pages = StoredPages(bench.partition, KEY)
    assert list(pages.orders()) == ["order:101"]
    assert pages.read("order:101") == page(bench, "order:101").body
    assert pages.read("order:102") is None

"""Every reading rule on a file small enough to count by hand, and the whole year where it is at hand."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.demo.shop import Line, Order, Refund, RefundItem, Shop, pence, read_shop
from headrace.demo.table import ShopError

ROOT = Path(__file__).parents[3]
EXTRACT = ROOT / "examples" / "online_retail" / "online_retail.parquet"
WHOLE_YEAR = ROOT.parent / "shared" / "data" / "online_retail_2009_2010.parquet"

HEADER = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country"


def row(
    invoice: str, sku: str, quantity: int, price: str, *, customer: str = "13085.0", at: str = "2009-12-01 07:45:00"
) -> str:
    return f"{invoice},{sku},A thing,{quantity},{at},{price},{customer},United Kingdom"


def read(folder: Path, *rows: str, orders: int | None = None) -> Shop:
    path = folder / "shop.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return read_shop(path, orders=orders)


def test_read_shop__two_invoices__are_orders_from_id_100_in_time_order(tmp_path: Path) -> None:
    shop = read(
        tmp_path,
        row("2", "22064", 3, "1.65", at="2009-12-02 08:00:00"),
        row("1", "85123a ", 6, "2.55"),
        row("1", "20725", 1, "1.25", at="2009-12-01 07:46:00"),
    )
    first, second = shop.orders
    assert (first.id, first.invoice, first.customer) == (100, "1", 13085)
    assert first.at == datetime(2009, 12, 1, 7, 45, tzinfo=UTC)
    assert first.lines == (Line("85123A", 6, 255), Line("20725", 1, 125))
    assert (second.id, second.total_minor) == (101, 495)
    assert shop.names["85123A"] == "A thing"


def test_read_shop__no_customer__is_a_guest(tmp_path: Path) -> None:
    shop = read(tmp_path, row("1", "22064", 3, "1.65", customer=""))
    assert shop.orders[0].customer == 0
    assert shop.counts.guest_orders == 1


@pytest.mark.parametrize("code", ["POST", "D", "m", "M", "DOT", "BANK CHARGES", "TEST001", "gift_0001_20", "C2", "S"])
def test_read_shop__no_goods__are_skipped_and_counted(tmp_path: Path, code: str) -> None:
    shop = read(tmp_path, row("1", "22064", 1, "1.00"), row("1", code, 1, "18.00"), row("2", code, 1, "18.00"))
    assert [order.total_minor for order in shop.orders] == [100]
    assert shop.counts.skipped == {"no_goods_lines": 2}
    assert (shop.counts.invoices, shop.counts.invoices_without_goods) == (2, 1)


@pytest.mark.parametrize("code", ["DCGS0003", "PADS", "SP1002"])
def test_read_shop__goods_with_odd_codes__are_sold(tmp_path: Path, code: str) -> None:
    assert read(tmp_path, row("1", code, 1, "1.00")).counts.order_lines == 1


@pytest.mark.parametrize("price", ["0", "0.0", "0.001", "0.0049"])
def test_read_shop__price_of_no_penny__is_skipped(tmp_path: Path, price: str) -> None:
    counts = read(tmp_path, row("1", "22064", 1, price)).counts
    assert counts.skipped == {"price_zero_lines": 1}
    assert (counts.orders, counts.invoices_without_goods) == (0, 1)


@pytest.mark.parametrize(
    ("price", "minor"), [(2.55, 255), (0.005, 1), (1.005, 101), (1.0049, 100), (0.125, 13), (6.75, 675), (8.295, 830)]
)
def test_pence__half_a_penny__goes_up(price: float, minor: int) -> None:
    assert pence(price) == minor


def test_read_shop__negative_line_without_c__is_skipped(tmp_path: Path) -> None:
    counts = read(tmp_path, row("1", "22064", -5, "1.65"), row("1", "22064", 0, "1.65")).counts
    assert counts.skipped == {"negative_without_c_lines": 2}


def test_read_shop__positive_line_with_c__is_skipped(tmp_path: Path) -> None:
    counts = read(tmp_path, row("C1", "22064", 5, "1.65")).counts
    assert counts.skipped == {"positive_with_c_lines": 1}
    assert counts.cancellation_invoices == 1


def test_read_shop__adjustment_invoice__is_skipped(tmp_path: Path) -> None:
    counts = read(tmp_path, row("A506401", "B", 1, "-53594.36", customer="")).counts
    assert (counts.adjustment_invoices, counts.invoices, counts.skipped) == (1, 1, {"adjustment_lines": 1})


def test_read_shop__line_without_a_needed_value__is_counted(tmp_path: Path) -> None:
    counts = read(tmp_path, row("1", "22064", 1, "1.65"), ",22064,x,1,2009-12-01 07:45:00,1.65,1.0,France").counts
    assert counts.skipped == {"incomplete_lines": 1}


def test_read_shop__cancellation__refunds_the_latest_earlier_order_at_its_price(tmp_path: Path) -> None:
    shop = read(
        tmp_path,
        row("1", "22064", 5, "1.00", at="2009-12-01 08:00:00"),
        row("2", "22064", 5, "2.00", at="2009-12-02 08:00:00"),
        row("C3", "22064", -2, "9.00", at="2009-12-03 08:00:00"),
        row("4", "22064", 5, "3.00", at="2009-12-04 08:00:00"),
    )
    (refund,) = shop.refunds
    assert (refund.order_id, refund.items, refund.whole) == (101, (RefundItem(0, 2, 400),), False)
    assert shop.events.index(refund) == 2


def test_read_shop__latest_order_has_too_little_left__an_earlier_one_is_refunded(tmp_path: Path) -> None:
    shop = read(
        tmp_path,
        row("1", "22064", 5, "1.00", at="2009-12-01 08:00:00"),
        row("2", "22064", 3, "2.00", at="2009-12-02 08:00:00"),
        row("C3", "22064", -2, "2.00", at="2009-12-03 08:00:00"),
        row("C4", "22064", -2, "2.00", at="2009-12-04 08:00:00"),
    )
    assert [refund.order_id for refund in shop.refunds] == [101, 100]


@pytest.mark.parametrize(
    "cancelled",
    [
        row("C2", "22064", -6, "1.00", at="2009-12-02 08:00:00"),  # more than was bought
        row("C2", "22065", -1, "1.00", at="2009-12-02 08:00:00"),  # another article
        row("C2", "22064", -1, "1.00", at="2009-12-02 08:00:00", customer="13086.0"),  # another customer
        row("C2", "22064", -1, "1.00", at="2009-12-02 08:00:00", customer=""),  # a guest
        row("C2", "22064", -1, "1.00", at="2009-11-30 08:00:00"),  # before the order
    ],
)
def test_read_shop__cancellation_of_nothing_bought__is_unmatched(tmp_path: Path, cancelled: str) -> None:
    shop = read(tmp_path, row("1", "22064", 5, "1.00"), cancelled)
    assert shop.refunds == ()
    assert (shop.counts.refund_lines_unmatched, shop.counts.refund_lines_matched) == (1, 0)


def test_read_shop__everything_cancelled__is_a_whole_refund_only_at_the_last(tmp_path: Path) -> None:
    shop = read(
        tmp_path,
        row("1", "22064", 5, "1.00"),
        row("1", "20725", 1, "2.00"),
        row("C2", "22064", -5, "1.00", at="2009-12-02 08:00:00"),
        row("C3", "20725", -1, "2.00", at="2009-12-03 08:00:00"),
    )
    assert [refund.whole for refund in shop.refunds] == [False, True]


def test_read_shop__one_cancellation_of_two_orders__is_two_refunds_with_one_item_a_line(tmp_path: Path) -> None:
    shop = read(
        tmp_path,
        row("1", "22064", 5, "1.00"),
        row("2", "20725", 4, "2.00"),
        row("C3", "22064", -1, "1.00", at="2009-12-02 08:00:00"),
        row("C3", "20725", -1, "2.00", at="2009-12-02 08:00:00"),
        row("C3", "22064", -2, "1.00", at="2009-12-02 08:00:00"),
    )
    assert [(refund.order_id, refund.items) for refund in shop.refunds] == [
        (100, (RefundItem(0, 3, 300),)),
        (101, (RefundItem(0, 1, 200),)),
    ]
    assert shop.counts.refund_lines_matched == 3


def test_read_shop__limit__stops_before_the_next_order_and_keeps_refunds_until_then(tmp_path: Path) -> None:
    rows = (
        row("1", "22064", 5, "1.00", at="2009-12-01 08:00:00"),
        row("C2", "22064", -1, "1.00", at="2009-12-02 08:00:00"),
        row("3", "POST", 1, "1.00", at="2009-12-02 09:00:00"),
        row("4", "22064", 5, "1.00", at="2009-12-03 08:00:00"),
        row("C5", "22064", -1, "1.00", at="2009-12-04 08:00:00"),
    )
    counts = read(tmp_path, *rows, orders=1).counts
    assert (counts.orders, counts.refunds, counts.invoices) == (1, 1, 3)


def test_read_shop__missing_column__is_named(tmp_path: Path) -> None:
    path = tmp_path / "shop.csv"
    path.write_text("Invoice,StockCode\n1,2\n")
    with pytest.raises(ShopError, match=r"no column Quantity, InvoiceDate, Price"):
        read_shop(path)


@pytest.mark.parametrize("text", ["", "not a table", HEADER + "\n1,2,x,many,2009-12-01,1.0,1,France\n"])
def test_read_shop__what_is_no_shop__is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "shop.csv"
    path.write_text(text)
    with pytest.raises(ShopError, match=r"shop\.csv"):
        read_shop(path)


def test_read_shop__bad_time__is_refused_with_its_text(tmp_path: Path) -> None:
    with pytest.raises(ShopError, match="1st of May"):
        read(tmp_path, row("1", "22064", 1, "1.00", at="1st of May"))


def test_read_shop__no_such_file__says_so(tmp_path: Path) -> None:
    with pytest.raises(ShopError, match="no such file"):
        read_shop(tmp_path / "none.parquet")


def test_read_shop__parquet_that_is_none__is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR0")
    with pytest.raises(ShopError, match="neither parquet nor CSV"):
        read_shop(path)


LINES = st.tuples(
    st.sampled_from(["1", "2", "3", "C4", "C5", "C6", "7", "C8"]),
    st.sampled_from(["22064", "20725", "POST"]),
    st.integers(-6, 9),
    st.sampled_from(["1.00", "2.50", "0"]),
    st.sampled_from(["1.0", "2.0", ""]),
    st.integers(1, 28),
)


@settings(max_examples=60)
@given(st.lists(LINES, max_size=30))
def test_read_shop__any_lines__never_refunds_more_than_was_bought_and_counts_every_line(
    lines: list[tuple[str, str, int, str, str, int]],
) -> None:
    rows = [row(i, s, q, p, customer=c, at=f"2009-12-{d:02d} 08:00:00") for i, s, q, p, c, d in lines]
    with TemporaryDirectory() as folder:
        shop = read(Path(folder), *rows)
    orders: dict[int, Order] = {}
    taken: Counter[tuple[int, int]] = Counter()
    for event in shop.events:
        if isinstance(event, Order):
            orders[event.id] = event
            continue
        order = orders[event.order_id]
        assert order.at <= event.at
        for item in event.items:
            taken[order.id, item.line] += item.quantity
            line = order.lines[item.line]
            assert taken[order.id, item.line] <= line.quantity
            assert item.amount_minor == item.quantity * line.price_minor
        left = order.units - sum(units for (order_id, _), units in taken.items() if order_id == order.id)
        assert event.whole == (left == 0)
    assert_all_accounted_for(shop)
    assert shop.counts.lines == len(lines)


def assert_all_accounted_for(shop: Shop) -> None:
    counts = shop.counts
    told = counts.order_lines + counts.refund_lines_matched + counts.refund_lines_unmatched
    assert counts.lines == told + sum(counts.skipped.values())
    assert counts.invoices == (
        counts.orders + counts.cancellation_invoices + counts.adjustment_invoices + counts.invoices_without_goods
    )
    assert counts.orders == len(shop.orders)
    assert counts.refunds == sum(isinstance(event, Refund) for event in shop.events)


def test_read_shop__shipped_extract__holds_the_demo_and_its_refunds() -> None:
    shop = read_shop(EXTRACT)
    assert_all_accounted_for(shop)
    assert (shop.counts.orders, shop.counts.refunds) == (3904, 607)
    assert len(read_shop(EXTRACT, orders=3000).orders) == 3000
    assert EXTRACT.stat().st_size < 500_000


@pytest.mark.skipif(not WHOLE_YEAR.exists(), reason="the whole year is not on this machine")
def test_read_shop__whole_year__accounts_for_all_28816_invoices() -> None:
    began = process_time()
    shop = read_shop(WHOLE_YEAR)
    assert process_time() - began < 30  # CPU seconds: about 5 alone, more on a busy machine
    assert (shop.counts.invoices, shop.counts.lines) == (28_816, 525_461)
    assert (shop.counts.orders, shop.counts.refunds) == (20_573, 4_165)
    assert_all_accounted_for(shop)

"""The demo's report of several stores: each by itself, and the sums."""

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from headrace.cli.demo_report import Live, as_json, print_result
from headrace.cli.stack_options import StackOptions
from headrace.demo.flow import Live as Figures
from headrace.demo.flow import Result
from headrace.demo.player import Progress
from headrace.demo.pressure import Pressure
from headrace.demo.samples import Sample
from headrace.demo.scenario import make_scenario
from headrace.demo.shop import Counts, Line, Order, Shop
from headrace.demo.verify import Difference, Verification

COUNTED = (
    *("webhooks_sent", "webhooks_accepted", "duplicates", "reordered", "notices", "events", "decisions", "actions"),
    *("vendor_calls", "vendor_429", "dead_letters", "effects_sent", "effects_unknown", "coupons_made", "kills"),
)
WRONG = Difference("demo-2:7", "group", "Gold", "Silver")


def result_of(store: str, *, orders: int, seconds: float, differences: tuple[Difference, ...] = ()) -> Result:
    at = datetime(2010, 1, 4, 9, tzinfo=UTC)
    made = tuple(Order(100 + n, str(n), at, 7 + n, "United Kingdom", (Line("22064", 1, 100),)) for n in range(orders))
    counts = Counts(orders, orders, 0, 0, 0, 0, orders, orders, 0, 0, 0, {f"{store}_lines": 1, "price_zero_lines": 2})
    writes = {"calls": 1, "customers": 4 * orders, "unchanged": 0}
    return Result(
        store=store,
        scenario=make_scenario(Shop(made, {}, counts), seed=1),
        progress=Progress(orders=orders, seconds=1.0),
        seconds=seconds,
        calls={"group_writes": writes, "attribute_writes": writes, "by_route": {"GET /a": 1, f"GET /{store}": 1}},
        truth={},
        counts=dict.fromkeys(COUNTED, orders),
        pressure=Pressure(),
        verification=Verification(not differences, False, orders, differences),
        samples=(Sample(f"{store}:7", "Gold", "spent enough"),),
        groups=[{"name": "Silver", "members": 2}, {"name": f"only {store}", "members": 1}],
    )


@pytest.fixture
def report() -> dict[str, Any]:
    both = [
        result_of("demo", orders=4, seconds=10.0),
        result_of("demo-2", orders=2, seconds=20.0, differences=(WRONG,)),
    ]
    return as_json(both, StackOptions(store="demo", stores=2))


def test_as_json__two_stores__the_whole_has_their_sums(report: dict[str, Any]) -> None:
    assert report["orders"] == 6
    assert set(report["counts"].values()) == {6}
    assert report["data"]["orders"] == 6
    assert report["data"]["skipped"]["price_zero_lines"] == 4
    assert report["data"]["skipped"]["demo-2_lines"] == 1
    assert report["calls_by_route"] == {"GET /a": 2, "GET /demo": 1, "GET /demo-2": 1}
    assert report["batch_mean"] == 12.0
    assert (report["seconds"], report["events_per_second"]) == (20.0, 0.3)
    assert report["groups"][0] == {"name": "Silver", "members": 4}
    assert [sample["customer"] for sample in report["samples"]] == ["demo:7", "demo-2:7"]
    verification = report["verification"]
    assert (verification["ok"], verification["customers_checked"]) == (False, 6)
    assert [difference["customer"] for difference in verification["differences"]] == ["demo-2:7"]


def test_as_json__two_stores__each_has_its_own(report: dict[str, Any]) -> None:
    assert [(each["store"], each["orders"], each["customers"]) for each in report["stores"]] == [
        ("demo", 4, 4),
        ("demo-2", 2, 2),
    ]
    assert [each["verification"]["ok"] for each in report["stores"]] == [True, False]
    assert report["stores"][0]["counts"]["events"] == 4


def test_as_json__one_store__the_whole_is_the_store() -> None:
    report = as_json([result_of("demo", orders=4, seconds=10.0)], StackOptions(store="demo"))
    (store,) = report.pop("stores")
    assert {name: figure for name, figure in store.items() if name not in ("store", "customers")} == {
        name: figure for name, figure in report.items() if name not in ("seed", "speed")
    }


def printed(report: dict[str, Any]) -> str:
    out = StringIO()
    print_result(report, Console(file=out, width=140))
    return out.getvalue()


def test_print_result__two_stores__a_block_each_and_the_end_of_all(report: dict[str, Any]) -> None:
    text = printed(report)
    assert text.index("store demo ") < text.index("only demo ") < text.index("store demo-2 ")
    assert "verified: groups, attributes, tags and mails of 4 customers are right" in text
    assert "not verified: 1 differences among 2 customers" in text
    assert "not verified: 1 differences among 6 customers" in text.split("all stores")[1]


def test_print_result__one_store__no_names_of_stores() -> None:
    text = printed(as_json([result_of("demo", orders=4, seconds=10.0)], StackOptions(store="demo")))
    assert "store demo" not in text
    assert text.count("verified") == 1


@pytest.mark.parametrize(("totals", "name"), [({"demo": 9}, ""), ({"demo": 9, "demo-2": 4}, "demo: ")])
def test_live__plain_lines__named_where_there_are_several(totals: dict[str, int], name: str) -> None:
    out = StringIO()
    with Live(Console(file=out, width=200), totals) as live:
        live.update("demo", Progress(orders=3, seconds=6.0, at="2010-01-04T09:00:00"), Figures())
        live.say("demo", "played")
    first, second = out.getvalue().splitlines()
    assert first.startswith(f"{name}3 of 9 orders")
    assert second == f"{name}played"

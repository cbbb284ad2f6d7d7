"""Whole files: what comes into the log, what is refused and why, twice is once, and memory that does not grow."""

import asyncio
import csv
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.contracts import topics
from headrace.contracts.actions import RuleSetRecord, encode
from headrace.contracts.events import (
    AttributeSet,
    CustomerPinned,
    CustomerSnapshot,
    Event,
    OrderRemoved,
    OrderSnapshot,
    decode_event,
)
from headrace.rules.load import Source, load_texts, rule_set_hash
from headrace.rules.model import encode_rule_set
from headrace.runtime.kafka import make_producer, read_to_end, topic
from headrace.runtime.settings import ServiceSettings
from services.ingest.identity import guest_key
from services.ingest.importing.reading import How
from services.ingest.importing.run import ImportSettings, Options, run_import

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
RULES = """
store: {timezone: Europe/London, currency: GBP}
groups: [{name: Wholesale, kind: B2B, erp_id: W-1}, {name: Gold, kind: B2C}]
group_order: [Wholesale, Gold]
"""
FILE = """\
Debtor,customer,e-mail,kind,group,until,attribute.branch,First Name,country
D-1,1041,ann@example.org,B2B,W-1,2027-01-31,Bakery|Hotel,Ann,GB
D-2,1042,,b2c,Gold,,-,,
,,guest@example.org,,,,Press,,
"""
ORDERS = """\
order;customer;email;ordered at;status;sku;name;categories;qty;price
A-1;1041;;2024-11-02;completed;MUG;Mug;Kitchen|Gifts;2;2.55
A-1;1041;;2024-11-02;;POT;Pot;Kitchen;1;10
A-2;;Guest@example.org;2024-12-01;shipped;MUG;Mug;;1;2.55
"""


def importing(path: Path, content: str, **changes: Any) -> dict[str, Any]:
    """A dry run without Kafka."""
    return asyncio.run(_import(None, path, content, **{"dry_run": True, **changes}))


async def _import(settings: ServiceSettings | None, folder: Path, content: str, **changes: Any) -> dict[str, Any]:
    path = folder / "erp.csv"
    path.write_text(content)
    options = Options(path, **{"how": How(), "as_of": AS_OF, **changes})
    fields = {} if settings is None else {**settings.model_dump(), "hash_key": "hk"}
    return await run_import(ImportSettings(**{"store": "teststore", **fields}), options)


async def _events(settings: ServiceSettings) -> list[Event]:
    records = await read_to_end(settings, topic(settings, topics.EVENTS))
    return [decode_event(record.value or b"") for record in records]


async def _with_rules(settings: ServiceSettings) -> None:
    rule_set = load_texts([Source("rules.yaml", RULES)]).rule_set
    assert rule_set is not None
    document = msgspec.Raw(encode_rule_set(rule_set))
    record = RuleSetRecord(store="teststore", version=3, hash=rule_set_hash(rule_set), document=document)
    producer = make_producer(settings)
    await producer.start()
    await producer.send_and_wait(topic(settings, topics.RULES), encode(record), key=b"teststore:3", partition=0)
    await producer.stop()


def _of(events: Iterable[Event], kind: type) -> dict[str, Any]:
    return {event.envelope.subject: event.data for event in events if isinstance(event.data, kind)}


async def test_import__customers__attributes_pins_and_facts_by_id_or_address(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    await _with_rules(topics_created)
    result = await _import(topics_created, tmp_path, FILE)
    events = await _events(topics_created)
    assert (result["rows"], result["accepted"], result["problems"]) == (3, 3, [])
    assert result["events"] == {"attribute.set": 7, "customer.pinned": 2, "customer.snapshot": 1}
    assert result["rules_version"] == 3
    assert {event.envelope.headraceorigin for event in events} == {"import"}
    pins = _of(events, CustomerPinned)
    assert {key: (pin.group, pin.until is not None) for key, pin in pins.items()} == {
        "teststore:1041": ("Wholesale", True),
        "teststore:1042": ("Gold", False),
    }
    ann: CustomerSnapshot = _of(events, CustomerSnapshot)["teststore:1041"]
    assert (ann.customer_id, ann.email_domain, ann.addresses[0].country_code) == ("1041", "example.org", "GB")
    assert ann.personal is not None
    assert (ann.personal.email, ann.personal.first_name) == ("ann@example.org", "Ann")
    attributes = {
        (event.envelope.subject.partition(":")[2][:5], event.data.name): event.data.values
        for event in events
        if isinstance(event.data, AttributeSet)
    }
    assert attributes == {
        ("1041", "erp_id"): ("D-1",),
        ("1041", "kind"): ("B2B",),
        ("1041", "branch"): ("Bakery", "Hotel"),
        ("1042", "erp_id"): ("D-2",),
        ("1042", "kind"): ("B2C",),
        ("1042", "branch"): (),
        ("guest", "branch"): ("Press",),
    }


async def test_import__past_orders__whole_under_their_owner_and_twice_is_the_same(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    first = await _import(topics_created, tmp_path, ORDERS, currency="GBP")
    one = await _events(topics_created)
    second = await _import(topics_created, tmp_path, ORDERS, currency="GBP")
    two = await _events(topics_created)
    assert (first["accepted"], first["events"]) == (3, {"order.snapshot": 2})
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    orders = _of(one, OrderSnapshot)
    assert set(orders) == {"teststore:1041", guest_key("teststore", "guest@example.org", b"hk")}
    order: OrderSnapshot = orders["teststore:1041"]
    assert (order.order_id, order.total, order.status, order.currency) == ("A-1", 1510, "completed", "GBP")
    assert [(line.sku, line.quantity, line.price, line.total, line.categories) for line in order.lines] == [
        ("MUG", 2, 255, 510, ("Kitchen", "Gifts")),
        ("POT", 1, 1000, 1000, ("Kitchen",)),
    ]
    assert order.created_at == datetime(2024, 11, 2, tzinfo=UTC)
    marks = {(event.envelope.id, event.envelope.headracerevision) for event in one}
    assert marks == {(event.envelope.id, event.envelope.headracerevision) for event in two}
    assert all((event.envelope.headracerevision or "").startswith("1970-") for event in one), "the store's is newer"


async def test_import__the_guest_has_an_account_now__the_order_leaves_the_guest(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    await _import(topics_created, tmp_path, ORDERS, currency="GBP")
    both = "customer,email,order,ordered_at,total\n1043,guest@example.org,,,\n,guest@example.org,A-2,2024-12-01,2.55\n"
    await _import(topics_created, tmp_path, both, currency="GBP")
    events = await _events(topics_created)
    (gone,) = (event for event in events if isinstance(event.data, OrderRemoved))
    assert gone.envelope.subject == guest_key("teststore", "guest@example.org", b"hk")
    assert _of(events, OrderSnapshot)["teststore:1043"].order_id == "A-2"


async def test_import__dry_run_with_kafka__checks_all_and_writes_nothing(
    topics_created: ServiceSettings, tmp_path: Path
) -> None:
    await _with_rules(topics_created)
    text = FILE + "D-3,1043,,B2B,Gold,,,,\nD-4,1044,,,Golden,,,,\nD-5,,new@example.org,,Gold,,,,\n"
    result = await _import(topics_created, tmp_path, text, dry_run=True)
    assert await _events(topics_created) == []
    assert (result["accepted"], result["refused"]) == (3, 3)
    assert [(each["row"], each["line"], each["column"], each["code"]) for each in result["problems"]] == [
        (4, 5, "group", "wrong_kind"),
        (5, 6, "group", "unknown_group"),
        (6, 7, "group", "guest"),
    ]
    assert "Gold" in result["problems"][1]["hint"]


def test_import__refused_rows__row_line_column_and_mend_and_an_order_whole_or_not_at_all(tmp_path: Path) -> None:
    text = (
        "customer,Order ID,ordered_at,total,price,attribute.x\n"
        "1,A,2024-11-02,,2.50,\n"
        '1,A,2024-11-02,,"2,50",\n'
        "2,B,2024-11-02,9,,\n"
        "2,A,2024-11-02,9,,\n"
        ",,,,,late\n"
        "3,,2024-11-02,,,\n"
        "4,C,02/11/2024,1,,\n"
        "5,D,2024-11-02,,,\n"
        "6,E,2024-11-02,1,,\n"
        "7,E,2024-11-02,1,,\n"
        "8,,,,,fine\n"
    )
    report = tmp_path / "report.csv"
    result = importing(tmp_path, text, currency="GBP", report=report)
    assert (result["rows"], result["accepted"], result["refused"]) == (11, 2, 9)
    found = {each["row"]: (each["column"], each["code"]) for each in result["problems"]}
    assert found == {
        1: ("Order ID", "order_refused"),
        2: ("price", "ambiguous_amount"),
        4: ("Order ID", "apart"),
        5: ("customer", "nobody"),
        6: ("ordered_at", "no_order"),
        7: ("ordered_at", "not_a_date"),
        8: ("total", "missing"),
        9: ("Order ID", "order_refused"),
        10: ("customer", "differs"),
    }
    assert result["refused_by_code"]["order_refused"] == 2
    with report.open(newline="") as opened:
        lines = {int(row["row"]): row for row in csv.DictReader(opened)}
    assert (lines[2]["result"], lines[2]["line"]) == ("refused", "3")
    assert "2.50" in lines[2]["hint"]
    assert lines[11]["result"] == "accepted"
    assert len(lines) == 11


def test_import__no_currency_known__says_how_to_name_it(tmp_path: Path) -> None:
    (problem,) = importing(tmp_path, "customer,order,ordered_at,total\n1,A,2024-11-02,9\n")["problems"]
    assert (problem["column"], problem["code"]) == ("currency", "unknown_currency")


def test_import__without_rules_or_kafka__groups_are_taken_as_they_are(tmp_path: Path) -> None:
    result = importing(tmp_path, FILE)
    assert (result["accepted"], result["rules_version"]) == (3, None)


def test_import__customer_on_every_line_of_an_order__said_once(tmp_path: Path) -> None:
    text = "customer,erp_id,order,ordered_at,price\n" + "1,D-1,A,2024-11-02,2.50\n" * 3
    assert importing(tmp_path, text, currency="GBP")["events"] == {"attribute.set": 1, "order.snapshot": 1}


@pytest.mark.parametrize("column", ["attribute.tier", "order"])
def test_import__many_rows__memory_does_not_grow_with_them(tmp_path: Path, column: str) -> None:
    def peak(count: int) -> int:
        rows = (f"{n},{n},2024-11-02,1.00\n" for n in range(count))
        text = f"customer,{column},ordered_at,total\n" if column == "order" else f"customer,{column},note,remark\n"
        tracemalloc.start()
        try:
            result = importing(tmp_path, text + "".join(rows), currency="GBP")
            assert result["accepted"] == count
            return tracemalloc.get_traced_memory()[1] - 2 * 30 * count  # the text of the test's own
        finally:
            tracemalloc.stop()

    assert peak(20_000) < peak(4_000) + 3_000_000

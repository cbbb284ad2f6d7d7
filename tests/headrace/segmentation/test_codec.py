"""State to bytes and back; the golden bytes stay readable for ever."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from headrace.segmentation import codec
from headrace.segmentation.codec import (
    StateUnreadable,
    decode_entry,
    decode_lines,
    decode_state,
    encode_entry,
    encode_lines,
    encode_page,
    encode_state,
    page_content,
    wake_at_of,
)
from headrace.segmentation.state import (
    Claims,
    Cold,
    Contact,
    Emitted,
    Entry,
    Latch,
    Line,
    Pending,
    Pin,
    Place,
    Profile,
    Purchased,
    Refunded,
    Series,
    Standing,
    State,
    Timer,
    Totals,
)

GOLDEN = Path(__file__).parent
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANN = Profile(
    "r1",
    NOW,
    NOW,
    "Gold",
    "ann@example.org",
    "Ann",
    "Lee",
    "1",
    "example.org",
    "Acme",
    True,
    (Place("GB", "", "york"),),
)
FULL = State(
    key="shop:7",
    rules_version=3,
    profile=ANN,
    ledger={
        "1": encode_entry(
            Entry(
                revision="r2",
                status="completed",
                created_at=NOW,
                total=1200,
                subtotal=1100,
                total_excluding_tax=1000,
                units=2,
                lines=encode_lines((Line("a", "p", 2, 600, 1200, "Mug", "S", "Bijou", ("Kitchen",)),)),
                refunds=(Refunded("f", NOW, 100, 1),),
                seen=1024,
                gone=("line:b",),
            )
        )
    },
    totals=Totals(1100, 1, 1, 100, 1100, NOW, NOW, NOW),
    claims=Claims(
        latched={"apple": Latch(NOW, 9, "Apple", {"interests": ("apple",)}, {"mailchimp": ("A",)})},
        manual={"tier": ("Friend",)},
        barred_attributes={"interests": {"pear": "rule"}},
        barred_tags={"mailchimp": {"B": "rule"}},
    ),
    standing=Standing(("vip",), {"loyalty": 1}),
    emitted=Emitted(
        group_known=True,
        group="Gold",
        ours=("Silver", "Gold"),
        attributes={"interests": ("apple",)},
        attributes_absent={"tier": ("x",)},
        tags={"mailchimp": ("A",)},
        tags_absent={"mailchimp": ("C",)},
        contact=Contact("ann@example.org", "Ann", "Lee", True),
    ),
    folded={"apple": "ab12"},
    recent=("e1",),
    step=2,
    timers=(Timer(NOW, "segment:vip"),),
    cold=Cold(2, 1, (900,), (NOW,), (NOW,), (NOW, NOW)),
    history=b"\x00\x00",
    history_pages=1,
    summed="ab12cd34",
    purchased=Purchased(3, (2, 0)),
)
SCHEMA_1 = replace(
    FULL,
    totals=Totals(1100, 1, 1, 100, 1100),
    step=0,
    timers=(),
    cold=Cold(),
    history=b"",
    history_pages=0,
    summed="schema 1",
    purchased=Purchased(),
)


WHOLE = replace(
    FULL,
    profile=replace(
        ANN,
        store_credit=4315,
        consents={"sms": True},
        form={"gender": "female", "shirt_size": "M"},
        birthday="1990-05-17",
    ),
    ledger={
        "1": encode_entry(
            replace(
                decode_entry(FULL.ledger["1"]),
                lines=encode_lines((Line("a", "p", 2, 600, 1200, "Mug", "S", "Bijou", ("Kitchen",), 1),)),
                channel=3,
                shipping=350,
                store_credit=500,
                shipping_excluding_tax=292,
            )
        )
    },
    standing=Standing(
        ("vip",), {"loyalty": 1}, {"vip": NOW, "ladder:loyalty": NOW}, {"loyalty": NOW}, {"loyalty": "Gold"}
    ),
    emitted=replace(FULL.emitted, tags={"klaviyo.lists": ("VIP",), "mailchimp": ("A",)}, taken=True),
    windows=(Series((1767225600,), (1100,)), Series()),
    visits=Series((0, 1767225600), (7, 2)),
    pin=Pin("Gold", "founder's friend", NOW, NOW + timedelta(days=90)),
    pending=(Pending(NOW + timedelta(days=30), "rule:thanks", "send_email", "1", NOW, "live"),),
)
"""Every field that there is, and none at its default."""


def golden(name: str) -> bytes:
    return bytes.fromhex((GOLDEN / f"golden_state_{name}.hex").read_text(encoding="ascii"))


def rewritten(state: State) -> State:
    """With the orders and lines within as today's release writes them."""
    entries = {order: decode_entry(body) for order, body in state.ledger.items()}
    fresh = {order: replace(one, lines=encode_lines(decode_lines(one.lines))) for order, one in entries.items()}
    return replace(state, ledger={order: encode_entry(one) for order, one in fresh.items()})


def test_decode_state__golden_bytes_of_schema_1__read_as_they_were_meant() -> None:
    assert rewritten(decode_state(golden("1"))) == SCHEMA_1


def test_decode_state__golden_bytes_of_fewer_fields__read_with_the_others_at_their_defaults() -> None:
    assert rewritten(decode_state(golden("2"))) == FULL


def test_decode_state__golden_bytes__read_and_written_alike() -> None:
    assert decode_state(golden("2b")) == WHOLE
    assert encode_state(WHOLE) == golden("2b")


def test_golden_bytes__newest__have_a_value_in_every_field() -> None:
    """So that a field which is added without golden bytes is noticed."""
    entry = decode_entry(WHOLE.ledger["1"])
    parts: tuple[Any, ...] = (
        WHOLE,
        WHOLE.profile,
        WHOLE.standing,
        WHOLE.emitted,
        WHOLE.pin,
        entry,
        *decode_lines(entry.lines),
    )
    assert [
        f"{type(part).__name__}.{field.name}"
        for part in parts
        for field in msgspec.structs.fields(part)
        if not field.required and getattr(part, field.name) == field.default
    ] == ["State.deleted", "Entry.archived"]


def test_decode_entry__damaged__is_unreadable() -> None:
    with pytest.raises(StateUnreadable):
        decode_entry(encode_entry(decode_entry(FULL.ledger["1"]))[:-2])


def test_page_content__page__is_what_was_put_on_it() -> None:
    assert encode_page(b"order") == b"\x01order"
    assert page_content(b"\x01order") == b"order"


@pytest.mark.parametrize("page", [b"", b"\x02order"])
def test_page_content__damaged_or_newer__is_unreadable(page: bytes) -> None:
    with pytest.raises(StateUnreadable):
        page_content(page)


@pytest.mark.parametrize("state", [FULL, WHOLE, State("shop:7"), State("shop:guest-ab", deleted=True)])
def test_encode_state__round_trip__is_the_same_state(state: State) -> None:
    assert decode_state(encode_state(state)) == state


def test_decode_state__fields_at_the_end_missing__have_their_defaults() -> None:
    short = bytes([codec.SCHEMA]) + bytes(8) + msgspec.msgpack.encode(["shop:7", 2])
    assert decode_state(short) == State("shop:7", 2)


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x01\xff", bytes([codec.SCHEMA + 1]) + b"\x90", b"\x00\x90", encode_state(FULL)[:-3]]
)
def test_decode_state__damaged_or_newer__is_unreadable(data: bytes) -> None:
    with pytest.raises(StateUnreadable):
        decode_state(data)


def test_decode_state__older_schema__is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        codec.UPGRADES, 0, lambda raw: [f"shop:{raw[0]}", *raw[1:], False, None, {}, (), (), (), (), {}, ()]
    )
    old = b"\x00" + msgspec.msgpack.encode(["7", 2])
    assert decode_state(old) == State("shop:7", 2, summed="schema 1")


@pytest.mark.parametrize(
    ("timers", "wake_at"),
    [((), 0), ((Timer(NOW, "segment:vip"), Timer(NOW + timedelta(days=1), "segment:a")), 1767323045000000)],
)
def test_wake_at_of__header__is_the_first_timer(timers: tuple[Timer, ...], wake_at: int) -> None:
    assert wake_at_of(encode_state(State("shop:7", timers=timers))) == wake_at


@pytest.mark.parametrize("data", [b"", golden("1")])
def test_wake_at_of__schema_without_one__is_none(data: bytes) -> None:
    assert wake_at_of(data) == 0


def test_decode_lines__what_was_encoded__is_the_same() -> None:
    lines = (Line("a", "p", 2, 600, 1200, "Mug", "S", "Bijou", ("Kitchen",)), Line("b", "q", 1, 1, 1))
    assert decode_lines(encode_lines(lines)) == lines

"""A coupon is made once for an effect, and whoever asks again finds it."""

import json
import logging
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.consumer import PauseConsumer
from headrace.consumer.effects import InDoubt, NotNow, Refused
from headrace.platforms.bigcommerce.coupons import Coupon
from services.actions.effects.coupon import Coupons, CouponSender, coupon_code, shown, wanted_coupon
from tests.services.actions.effects.letters import ID, NOW, Vendor, letter

TEN = {"percent": 10, "for": "next_order", "expires": {"count": 30, "unit": "day"}}


def made(request: httpx.Request) -> httpx.Response:
    return httpx.Response(201, json={**json.loads(request.content), "id": 77})


def taken(request: httpx.Request) -> httpx.Response:
    return httpx.Response(409, json=[{"status": 409, "message": "The field 'code' must be unique"}])


def found(code: str) -> httpx.Response:
    row = {"id": 5, "code": code, "type": "percentage_discount", "amount": "10.0000", "max_uses": 1, "enabled": True}
    return httpx.Response(200, json=[row | {"expires": "Sat, 05 Dec 2026 00:00:00 +0000"}])


@given(number=st.integers(0, 2**128 - 1), key=st.binary(max_size=80))
def test_coupon_code__any_effect__the_same_again_and_easy_to_read(number: int, key: bytes) -> None:
    code = coupon_code(f"{number:032x}", key)
    assert re.fullmatch("HR-[2-9A-HJ-NP-Z]{16}", code)
    assert coupon_code(f"{number:032x}", key) == code


def test_coupon_code__a_key__other_codes() -> None:
    assert len({coupon_code(ID), coupon_code(ID, b"a"), coupon_code(ID, b"b")}) == 3
    assert coupon_code("0" * 32) == "HR-" + "2" * 16


async def test_send__made__its_number() -> None:
    vendor = Vendor(made)
    done = await CouponSender(Coupons(vendor.client)).send(letter("issue_coupon", TEN))
    body = json.loads(vendor.asked[0].content)
    assert done.receipt == "77"
    assert (body["code"], body["amount"], body["max_uses"]) == (coupon_code(ID), "10", 1)
    assert body["expires"] == "Tue, 22 Dec 2026 18:30:00 +0000"


async def test_send__there_already__found_by_its_code() -> None:
    vendor = Vendor(taken, found(coupon_code(ID)))
    assert (await CouponSender(Coupons(vendor.client)).send(letter("issue_coupon", TEN))).receipt == "5"
    assert vendor.asked[1].url.params["code"] == coupon_code(ID)


@pytest.mark.parametrize(
    ("replies", "kind"),
    [
        ([taken, httpx.Response(204)], Refused),
        ([httpx.Response(400, json=[{"status": 400, "message": "bad"}]), httpx.Response(204)], Refused),
        ([httpx.Response(401)], PauseConsumer),
        ([httpx.Response(429, headers={"X-Rate-Limit-Time-Reset-Ms": "5000"})], NotNow),
        ([httpx.Response(500)], InDoubt),
        ([httpx.ReadTimeout("x")], InDoubt),
    ],
)
async def test_send__refused_or_broken__what_it_means(replies: list[Any], kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        await CouponSender(Coupons(Vendor(*replies).client)).send(letter("issue_coupon", TEN))
    assert coupon_code(ID) not in str(caught.value)


async def test_send__logs__never_the_code(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    vendor = Vendor(httpx.ReadTimeout("x"), taken, found(coupon_code(ID)))
    with pytest.raises(InDoubt):
        await CouponSender(Coupons(vendor.client)).send(letter("issue_coupon", TEN))
    await CouponSender(Coupons(vendor.client)).send(letter("issue_coupon", TEN))
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    written = capsys.readouterr()
    assert coupon_code(ID) not in "".join((*ours, written.out, written.err))


@pytest.mark.parametrize(
    ("told", "coupon"),
    [
        ({"percent": 15}, Coupon("C", "percentage_discount", Decimal(15))),
        (
            {"amount": {"amount_minor": 550, "currency": "GBP"}, "for": "every_order"},
            Coupon("C", "per_total_discount", Decimal("5.50"), max_uses=0),
        ),
        (
            {"amount": {"amount_minor": 500, "currency": "JPY"}, "expires": {"count": 36, "unit": "hour"}},
            Coupon("C", "per_total_discount", Decimal(500), datetime(2026, 11, 24, 6, 30, tzinfo=UTC)),
        ),
        (
            {"percent": 5, "expires": {"count": 3, "unit": "month"}},
            Coupon("C", "percentage_discount", Decimal(5), datetime(2027, 2, 22, 18, 30, tzinfo=UTC)),
        ),
    ],
)
def test_wanted_coupon__table(told: dict[str, Any], coupon: Coupon) -> None:
    assert wanted_coupon(told, "C", NOW) == coupon


@pytest.mark.parametrize("told", [{}, {"percent": "x"}, {"amount": 5}, {"percent": 5, "expires": {"count": 1}}])
def test_wanted_coupon__nonsense__refused(told: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        wanted_coupon(told, "C", NOW)


def test_shown__for_people() -> None:
    coupon = Coupon("C", "percentage_discount", Decimal("10.0000"), datetime(2027, 1, 31, tzinfo=UTC))
    assert shown(coupon) == {
        "code": "C", "percent": 10, "amount": "", "expires": "31 January 2027", "expires_on": "2027-01-31",
    }  # fmt: skip
    assert shown(Coupon("C", "per_total_discount", Decimal(5)), "GBP")["amount"] == "5.00 GBP"

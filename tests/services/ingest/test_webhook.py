"""What a delivery must be before it is kept."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from headrace.contracts.actions import Notice
from services.ingest.webhook import (
    NEEDED_SCOPES,
    Forged,
    SharedHeader,
    Unfit,
    Unneeded,
    check_header,
    check_signature,
    notice_key,
    read_notice,
    sign,
)

SECRET = b"example_client_secret"
ID = "64d346b71e4c02453da81c5d97cec8063a6e7a4d"
STAMP = 1786447831
BODY = (
    b'{"producer":"stores/abc123","hash":"64d346b71e4c02453da81c5d97cec8063a6e7a4d","created_at":1786447828,'
    b'"store_id":"1003502318","scope":"store/order/updated","data":{"type":"order","id":250}}'
)
SIGNATURE = "v1,nCeaJiXemfpq4PaH3z4ZP390RVElOF8EON06EpbUPto="
HEADERS = {"webhook-id": ID, "webhook-timestamp": str(STAMP), "webhook-signature": SIGNATURE}
NOW = datetime(2026, 8, 11, tzinfo=UTC)


def _check(headers: Mapping[str, str], body: bytes = BODY, now_s: float = STAMP) -> Forged | None:
    return check_signature(headers, body, secret=SECRET, now_s=now_s, tolerance_s=300)


def test_sign__the_vendors_vector__same_signature() -> None:
    assert sign(ID, STAMP, BODY, SECRET) == SIGNATURE


def test_sign__the_standard_library_of_it__agrees() -> None:
    library = Webhook(base64.b64encode(SECRET).decode())
    assert library.sign(ID, datetime.fromtimestamp(STAMP, UTC), BODY.decode()) == SIGNATURE


def test_check_signature__genuine__passes_within_the_tolerance() -> None:
    assert _check(HEADERS) is None
    assert _check(HEADERS, now_s=STAMP + 300) is None
    assert _check(HEADERS | {"webhook-signature": f"v2,abc {SIGNATURE}"}) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"webhook-signature": ""}, "unsigned"),
        ({"webhook-id": ""}, "unsigned"),
        ({"webhook-timestamp": str(STAMP - 301)}, "stale"),
        ({"webhook-timestamp": str(STAMP + 301)}, "stale"),
        ({"webhook-timestamp": "soon"}, "stale"),
        ({"webhook-timestamp": "\u0663"}, "stale"),
        ({"webhook-timestamp": str(STAMP + 1)}, "signature"),
        ({"webhook-signature": "v1,AAAA"}, "signature"),
        ({"webhook-signature": "v1,not base64"}, "signature"),
        ({"webhook-signature": "nonsense"}, "signature"),
    ],
)
def test_check_signature__forged_or_stale__says_why(change: dict[str, str], reason: str) -> None:
    assert _check(HEADERS | change) == Forged(reason)  # type: ignore[arg-type]


def test_check_signature__one_byte_of_the_body_changed__refused() -> None:
    assert _check(HEADERS, BODY.replace(b"250", b"251")) == Forged("signature")


def test_check_header__name_in_any_case__value_exact() -> None:
    shared = SharedHeader.parse("X-Headrace-Secret: s3:cret")
    assert check_header({"x-headrace-secret": "s3:cret"}, shared) is None
    assert check_header({"x-headrace-secret": "other"}, shared) == Forged("header")
    assert check_header({}, shared) == Forged("header")
    assert check_header({}, None) is None


def _read(scope: str, data: object, store: str = "abc123") -> Notice | Unfit | Unneeded:
    body = json.dumps({"producer": "stores/abc123", "scope": scope, "data": data}).encode()
    return read_notice(body, store=store, headers=HEADERS, received_at=NOW)


def test_read_notice__vendors_example__keyed_by_its_resource() -> None:
    notice = read_notice(BODY, store="abc123", headers=HEADERS, received_at=NOW)
    assert isinstance(notice, Notice)
    assert notice_key(notice) == b"abc123:order:250"
    assert notice.body == BODY.decode()
    assert notice.headers == HEADERS


def test_read_notice__address_and_refund__keyed_by_customer_and_order() -> None:
    address = _read("store/customer/address/updated", {"type": "customer", "id": 7, "address": {"customer_id": 32}})
    refund = _read("store/order/refund/created", {"type": "order", "id": 250, "refund": {"refund_id": 3}})
    assert isinstance(address, Notice)
    assert isinstance(refund, Notice)
    assert notice_key(address) == b"abc123:customer:32"
    assert notice_key(refund) == b"abc123:order:250"


@pytest.mark.parametrize("scope", ["store/cart/created", "store/product/updated", "store/app/uninstalled"])
def test_read_notice__a_scope_nothing_depends_on__unneeded(scope: str) -> None:
    assert _read(scope, {}) == Unneeded()


@pytest.mark.parametrize("scope", sorted(NEEDED_SCOPES))
@pytest.mark.parametrize("data", [None, [], {}, {"id": 0}, {"id": True}, {"id": -3}, {"id": "x"}, {"id": {}}, "text"])
def test_read_notice__data_without_a_resource__wrong_shape(scope: str, data: object) -> None:
    assert _read(scope, data) == Unfit("wrong_shape")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (BODY.decode().encode("utf-16"), "not_json"),
        (b"\xef\xbb\xbf" + BODY, "not_json"),
        (BODY.replace(b"order/", b"order\xed\xa0\x80/"), "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "no_scope"),
        (b"1", "no_scope"),
        (b"{}", "no_scope"),
        (b'{"scope":5}', "no_scope"),
        (b'{"scope":"order"}', "unknown_scope"),
        (b'{"scope":"store/order/created","producer":"stores/other","data":{"id":1}}', "wrong_store"),
    ],
)
def test_read_notice__unfit_bodies__say_why(body: bytes, reason: str) -> None:
    assert read_notice(body, store="abc123", headers={}, received_at=NOW) == Unfit(reason)  # type: ignore[arg-type]

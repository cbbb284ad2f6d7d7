"""Receive for several stores: each delivery at its own store's door, each key only where it belongs."""

import hashlib
import hmac
import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.consent_routes import ConsentDoor
from services.ingest.doors import ApiKeys
from services.ingest.own_events import Refused, read_event
from services.ingest.receive import Doorkeeper, make_app
from services.ingest.webhook import SharedHeader, sign

NOW = datetime(2026, 4, 13, 23, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
FORM = urlencode(
    {"type": "unsubscribe", "fired_at": "2026-04-13 22:16:46", "data[email]": "jo@example.com", "data[list_id]": "l"}
).encode()
SYSTEM = json.dumps(
    {
        "data": [
            {
                "topic": "event:klaviyo.unsubscribed_from_email_marketing",
                "payload": {
                    "data": {"attributes": {"timestamp": STAMP, "event_properties": {"email": "jo@example.com"}}}
                },
            }
        ]
    }
).encode()
SNAPSHOT = {
    "type": "customer.snapshot",
    "payload": {"customer_id": "5", "created_at": "2026-04-13T22:00:00Z", "modified_at": "2026-04-13T22:00:00Z"},
}


class Desk:
    """Receive without Kafka, for stores `a`, `b`, `c`: what it would write.

    `a` and `b` have the common API key, `c` one of its own. Of `b` own snapshots are taken.
    """

    def __init__(self, *stores: str) -> None:
        self.written: list[tuple[str, str]] = []
        doors = [self._door(store) for store in stores or ("a", "b", "c")]
        transport = httpx.ASGITransport(make_app(*doors))
        self.http = httpx.AsyncClient(transport=transport, base_url="http://receive")

    def _door(self, store: str) -> Doorkeeper:
        secret = store.encode()
        consents = ConsentDoor(
            store=store,
            hash_key=b"hk",
            notices_topic="notices",
            write=self._write,
            clock=NOW.timestamp,
            mailchimp_token=b"token-" + secret,
            klaviyo_key=b"klaviyo-" + secret if store != "c" else None,
        )
        return Doorkeeper(
            store=store,
            client_secret=b"client-" + secret,
            signature="enforce",
            tolerance_s=300,
            shared_header=SharedHeader("x-secret", store),
            api_key=b"own-key-of-c" if store == "c" else b"common-key",
            notices_topic="notices",
            events_topic="events",
            write=self._write,
            clock=NOW.timestamp,
            consents=consents,
            own_snapshots=store == "b",
        )

    async def _write(self, topic: str, key: bytes, value: bytes) -> bool:
        self.written.append((topic, key.decode()))
        return True

    async def bigcommerce(self, path: str, secret: str, *, header: str = "", producer: str = "") -> httpx.Response:
        """A delivery to `path`, signed with the client secret of `secret`."""
        told = {"producer": f"stores/{producer or path}", "scope": "store/order/updated", "data": {"id": 7}}
        body = json.dumps(told).encode()
        names = {
            "content-type": "application/json",
            "x-secret": header or secret,
            "webhook-id": "h",
            "webhook-timestamp": str(STAMP),
            "webhook-signature": sign("h", STAMP, body, b"client-" + secret.encode()),
        }
        return await self.http.post(f"/webhooks/bigcommerce/{path}", content=body, headers=names)

    async def mailchimp(self, path: str, secret: str) -> httpx.Response:
        """The same with the token of `secret`."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.http.post(f"/webhooks/mailchimp/{path}?token=token-{secret}", content=FORM, headers=kind)

    async def klaviyo(self, path: str, secret: str) -> httpx.Response:
        """The same with the key of `secret`."""
        signature = hmac.new(b"klaviyo-" + secret.encode(), SYSTEM + str(STAMP).encode(), hashlib.sha256).hexdigest()
        names = {
            "content-type": "application/json",
            "klaviyo-timestamp": str(STAMP),
            "klaviyo-signature": signature,
        }
        return await self.http.post(f"/webhooks/klaviyo/{path}", content=SYSTEM, headers=names)

    async def event(self, key: str, customer: Any, **changes: Any) -> httpx.Response:
        """An own event."""
        body = {"type": "custom.visit", "customer": customer, **changes}
        return await self.http.post("/v1/events", json=body, headers={"x-api-key": key})


@pytest.mark.parametrize(
    ("vendor", "path", "secret", "status", "code"),
    [
        ("bigcommerce", "a", "a", 204, ""),
        ("bigcommerce", "b", "b", 204, ""),
        ("bigcommerce", "a", "b", 401, "header"),
        ("bigcommerce", "z", "a", 422, "wrong_store"),
        ("mailchimp", "a", "a", 200, ""),
        ("mailchimp", "b", "a", 401, "header"),
        ("mailchimp", "z", "a", 422, "wrong_store"),
        ("klaviyo", "a", "a", 200, ""),
        ("klaviyo", "b", "a", 401, "signature"),
        ("klaviyo", "c", "c", 404, "not_set_up"),
        ("klaviyo", "z", "a", 422, "wrong_store"),
    ],
)
async def test_webhook__of_several_stores__its_own_secrets_alone_open_a_door(
    vendor: str, path: str, secret: str, status: int, code: str
) -> None:
    desk = Desk()
    reply = await getattr(desk, vendor)(path, secret)
    assert (reply.status_code, reply.json()["error"]["code"] if code else "") == (status, code)
    assert [key.partition(":")[0] for _, key in desk.written] == ([] if code else [path])


async def test_webhook__right_header_and_anothers_signature__401() -> None:
    reply = await Desk().bigcommerce("a", "b", header="a")
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "signature")


async def test_webhook__two_stores_of_one_app__the_delivery_says_whose_it_is() -> None:
    desk = Desk()
    reply = await desk.bigcommerce("a", "a", producer="b")
    assert (reply.status_code, reply.json()["error"]["code"], desk.written) == (422, "wrong_store", [])


@pytest.mark.parametrize(
    ("vendor", "secret", "status"),
    [
        ("bigcommerce", "a", 422),
        ("bigcommerce", "b", 401),
        ("mailchimp", "a", 422),
        ("mailchimp", "b", 401),
        ("klaviyo", "a", 422),
        ("klaviyo", "b", 401),
    ],
)
async def test_webhook__of_one_store__forged_is_told_before_another_store(
    vendor: str, secret: str, status: int
) -> None:
    assert (await getattr(Desk("a"), vendor)("z", secret)).status_code == status


@pytest.mark.parametrize(("path", "status"), [("a", 200), ("b", 200), ("z", 404)])
async def test_mailchimp__asks_for_the_address__each_stores_own(path: str, status: int) -> None:
    assert (await Desk().http.get(f"/webhooks/mailchimp/{path}")).status_code == status


@pytest.mark.parametrize(
    ("key", "customer", "written"),
    [
        ("common-key", "a:5", "a:5"),
        ("common-key", "b:5", "b:5"),
        ("common-key", "c:5", None),
        ("common-key", "z:5", None),
        ("common-key", "5", None),
        ("common-key", 5, None),
        ("common-key", ":5", None),
        ("common-key", "a:", None),
        ("common-key", "a:b:5", None),
        ("own-key-of-c", "c:5", "c:5"),
        ("own-key-of-c", "5", "c:5"),
        ("own-key-of-c", 5, "c:5"),
        ("own-key-of-c", "a:5", None),
        ("own-key-of-c", "z:5", None),
        ("own-key-of-c", ":5", None),
    ],
)
async def test_own_event__several_stores__only_for_those_the_key_opens(
    key: str, customer: Any, written: str | None
) -> None:
    desk = Desk()
    reply = await desk.event(key, customer)
    assert reply.status_code == (202 if written else 422), reply.text
    assert desk.written == ([("events", written)] if written else [])


@pytest.mark.parametrize("key", ["", "other", "common-ke", "common-key2", "own-key-of-a", "ключ"])
async def test_own_event__wrong_key__401(key: str) -> None:
    desk = Desk()
    body = {"type": "custom.visit", "customer": "a:5"}
    reply = await desk.http.post("/v1/events", json=body, headers={b"x-api-key": key.encode()})
    assert (reply.status_code, reply.json()["error"]["message"]) == (401, "the API key is missing or wrong")
    assert desk.written == []


@pytest.mark.parametrize("key", ["common-key", "own-key-of-c"])
@pytest.mark.parametrize("kind", ["custom.visit", "customer.snapshot", "order.snapshot"])
async def test_own_event__store_it_does_not_open__refused_as_one_that_is_not_there(key: str, kind: str) -> None:
    desk = Desk()
    other = "c" if key == "common-key" else "b"
    replies = [await desk.event(key, f"{store}:5", type=kind) for store in (other, "z")]
    assert replies[0].content == replies[1].content
    assert desk.written == []


async def test_own_event__bare_customer_and_several_stores__told_how_to_name_it() -> None:
    reply = await Desk().event("common-key", "5")
    message = "customer must be store:id, as a:42, for this API key opens several stores"
    assert reply.json()["error"] == {"code": "invalid", "message": message, "id": "customer"}


async def test_own_event__snapshot__taken_by_the_store_that_says_so() -> None:
    desk = Desk()
    replies = [await desk.event("common-key", f"{store}:5", **SNAPSHOT) for store in ("a", "b")]
    assert [reply.status_code for reply in replies] == [422, 202], replies[1].text
    assert replies[0].json()["error"]["id"] == "type"
    assert desk.written == [("events", "b:5")]


async def test_own_event__same_id_and_customer_in_two_stores__no_duplicates() -> None:
    desk = Desk()
    told = [(await desk.event("common-key", f"{store}:5", id="x")).json()["duplicate"] for store in ("a", "b", "a")]
    assert told == [False, False, True]


@given(
    st.dictionaries(st.text(max_size=3), st.none() | st.binary(min_size=1, max_size=3), max_size=5), st.text(max_size=3)
)
def test_api_keys__any__opens_exactly_the_stores_that_have_it(keys: dict[str, bytes | None], given_: str) -> None:
    expected = [store for store, key in keys.items() if key == given_.encode()]
    assert list(ApiKeys(keys).opened_by(given_)) == expected


NAMES = st.sampled_from(["a", "b", "c"])


@given(
    st.dictionaries(NAMES, st.booleans(), min_size=1, max_size=2),
    st.text(max_size=5) | st.builds("{}:{}".format, NAMES, st.text(max_size=3) | st.integers()) | st.integers(),
)
def test_read_event__any_customer__none_of_a_store_that_is_not_opened(stores: dict[str, bool], customer: Any) -> None:
    body = json.dumps({"type": "custom.x", "customer": customer}).encode()
    try:
        event = read_event(body, stores=stores, idempotency_key=None, now=NOW)
    except Refused:
        return
    assert event.store in stores
    assert event.record.key.decode().partition(":")[0] == event.store
    assert str(customer).rpartition(":")[0] in (event.store, "")


ONE_OF_A_FILE = """
import structlog
from headrace.runtime.metrics import counter, exposition, label_by_store
from services.ingest.doors import Doors

class Door:
    store = "a"

label_by_store()
for store in ("x", "a"):
    Doors([Door()]).at(store)
    counter("headrace_webhooks_total", outcome=store).inc()
print(exposition().decode(), structlog.contextvars.get_contextvars())
"""


def test_doors__the_only_store_of_a_file__is_what_is_counted_and_logged() -> None:
    said = subprocess.run([sys.executable, "-c", ONE_OF_A_FILE], capture_output=True, text=True, check=True).stdout
    assert 'headrace_webhooks_total{outcome="x",store=""} 1.0' in said
    assert 'headrace_webhooks_total{outcome="a",store="a"} 1.0' in said
    assert said.endswith("{'store': 'a'}\n")

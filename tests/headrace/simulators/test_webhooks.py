"""The queue: bodies, chance from the seed, retries, the blocklist, the end of a hook."""

import json
from typing import Any

from headrace.simulators.clock import StoreClock
from headrace.simulators.hooks import Hooks
from headrace.simulators.webhooks import BLOCK_S, RETRIES_S, Delivery, Policy, WebhookQueue, sign
from tests.headrace.simulators.harness import START, Hands


def _queue(clock: StoreClock, *, seed: int = 1, **policy: Any) -> tuple[WebhookQueue, Hooks]:
    hooks = Hooks(clock.date, clock.elapsed, start_delay_s=0)
    hooks.create({"scope": "store/order/*", "destination": "https://a.example/h"})
    return WebhookQueue("store", clock, hooks, seed=seed, policy=Policy(**policy)), hooks


def _bodies(deliveries: list[Delivery]) -> list[dict[str, Any]]:
    return [json.loads(delivery.body) for delivery in deliveries]


def _order(queue: WebhookQueue, order_id: int) -> None:
    queue.publish("store/order/updated", {"type": "order", "id": order_id})


def test_sign__vendor_vector__matches() -> None:
    """design/vendors.md 1.5."""
    body = (
        b'{"producer":"stores/abc123","hash":"64d346b71e4c02453da81c5d97cec8063a6e7a4d","created_at":1786447828,'
        b'"store_id":"1003502318","scope":"store/order/updated","data":{"type":"order","id":250}}'
    )
    found = sign("example_client_secret", "64d346b71e4c02453da81c5d97cec8063a6e7a4d", 1786447831, body)
    assert found == "v1,nCeaJiXemfpq4PaH3z4ZP390RVElOF8EON06EpbUPto="


def test_body__any_event__has_the_six_keys(clock: StoreClock) -> None:
    queue, _ = _queue(clock)
    _order(queue, 7)
    body = _bodies(queue.due(9))[0]
    assert set(body) == {"producer", "hash", "created_at", "store_id", "scope", "data"}
    assert (body["producer"], body["data"]) == ("stores/store", {"type": "order", "id": 7})
    assert len(body["hash"]) == 40
    assert body["store_id"].isdigit()


def test_hash__two_edits__differ_and_a_duplicate_does_not(clock: StoreClock, hands: Hands) -> None:
    queue, _ = _queue(clock, duplicates=1.0)
    _order(queue, 7)
    _order(queue, 7)
    hands.real = 100
    hashes = [body["hash"] for body in _bodies(queue.due(9))]
    assert len(hashes) == 4
    assert len(set(hashes)) == 2
    assert queue.counts.duplicates == 2


def test_nobody_listens__nothing_is_queued(clock: StoreClock) -> None:
    queue, _ = _queue(clock)
    queue.publish("store/customer/created", {"type": "customer", "id": 1})
    assert queue.counts.pending == 0


def test_chances__same_seed_and_events__are_the_same(clock: StoreClock, hands: Hands) -> None:
    def played(seed: int, *, other_event_between: bool) -> list[int]:
        queue, _ = _queue(clock, seed=seed, duplicates=0.2, reorders=0.3, max_delay_s=30)
        for order_id in range(100):
            _order(queue, order_id)
            if other_event_between:
                queue.publish("store/customer/updated", {"type": "customer", "id": order_id})
        hands.real += 60
        return [body["data"]["id"] for body in _bodies(queue.due(1000))]

    first = played(1, other_event_between=False)
    assert first == played(1, other_event_between=True)
    assert first != played(2, other_event_between=False)
    assert first != sorted(first)
    assert len(first) > 100


def test_failed__is_retried_by_the_table_and_then_the_hook_is_off(clock: StoreClock, hands: Hands) -> None:
    queue, hooks = _queue(clock)
    _order(queue, 7)
    for wait_s in (0, *RETRIES_S):
        hands.real += wait_s - 0.5
        if wait_s:
            assert queue.due(9) == []
        hands.real += 0.5
        (delivery,) = queue.due(9)
        assert queue.counts.pending == 1
        queue.settle(delivery, ok=False)
    assert (queue.counts.failed, queue.counts.pending, queue.counts.sent) == (1, 0, 12)
    assert [hook.is_active for hook in hooks.rows.values()] == [False]


def test_retry__at_high_speed__waits_at_least_some_real_time(hands: Hands) -> None:
    queue, _ = _queue(StoreClock(START, speed=1_000_000, monotonic=hands))
    _order(queue, 7)
    queue.settle(queue.due(9)[0], ok=False)
    wait_s = queue.real_seconds_to_next()
    assert wait_s is not None
    assert 0.049 < wait_s < 0.051


def test_hook_deleted__its_deliveries_fail(clock: StoreClock) -> None:
    queue, hooks = _queue(clock)
    _order(queue, 7)
    hooks.delete(1)
    assert queue.due(9) == []
    assert (queue.counts.failed, queue.counts.pending) == (1, 0)


def test_blocklist__below_ninety_percent__delays_the_domain(clock: StoreClock, hands: Hands) -> None:
    queue, _ = _queue(clock)
    for order_id in range(100):
        _order(queue, order_id)
    for index, delivery in enumerate(queue.due(100)):
        queue.settle(delivery, ok=index % 5 != 0)
    assert list(queue.blocked()) == ["a.example"]
    _order(queue, 500)
    assert queue.due(9) == []
    hands.real += BLOCK_S + 60
    assert queue.blocked() == {}
    assert {"type": "order", "id": 500} in [body["data"] for body in _bodies(queue.due(100))]


def test_delivery_exception__is_told_to_a_hook_elsewhere(clock: StoreClock) -> None:
    queue, hooks = _queue(clock)
    hooks.create({"scope": "store/hook/deliveryException", "destination": "https://b.example/h"})
    _order(queue, 7)
    queue.settle(queue.due(9)[0], ok=False)
    (told,) = _bodies(queue.due(9))
    assert (told["scope"], told["data"]["error_code"]) == ("store/hook/deliveryException", 90001)

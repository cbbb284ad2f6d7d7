"""The queue of webhook deliveries: what is sent when, twice, late, again, and when the store gives up.

Deterministic for one seed and one history; no sockets here, `delivery` owns them.
"""

import hashlib
import heapq
import hmac
from base64 import b64encode
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from headrace.simulators.clock import StoreClock
from headrace.simulators.hooks import Hooks

RETRIES_S: Final = (60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400)
"""Store seconds from a failed attempt to the next; then the hook is switched off."""
SHORTEST_RETRY_REAL_S: Final = 0.05
DUPLICATE_AFTER_S: Final = 0.455
BLOCK_WINDOW_S: Final = 120
BLOCK_AFTER_REQUESTS: Final = 100
BLOCK_BELOW: Final = 0.9
BLOCK_S: Final = 180
EXCEPTION_SCOPE: Final = "store/hook/deliveryException"
EXCEPTION_EVERY_S: Final = 600


@dataclass(frozen=True, slots=True)
class Policy:
    """How unreliable delivery is. Delays in store seconds."""

    duplicates: float = 0.0
    reorders: float = 0.0
    max_delay_s: float = 30.0


@dataclass(slots=True)
class Delivery:
    """One body on its way to one hook."""

    hook_id: int
    destination: str
    event_hash: str
    body: bytes
    attempt: int = 0


@dataclass(slots=True)
class Counts:
    """Attempts sent; deliveries accepted (2xx), given up, doubled, sent late on purpose, not settled yet."""

    sent: int = 0
    accepted: int = 0
    failed: int = 0
    duplicates: int = 0
    reordered: int = 0
    pending: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """A domain that gets nothing for `left_s` store seconds, for so many failures in one window."""

    left_s: float
    failures: int
    since: datetime


@dataclass(slots=True)
class _Destination:
    """The success of one domain in its current two-minute window."""

    window: int = 0
    requests: int = 0
    succeeded: int = 0
    blocked_until: float = 0.0
    failures: int = 0
    since: datetime | None = None
    """Of the window that it was blocked for, and when that was."""
    told_at: float = field(default=-EXCEPTION_EVERY_S)


class WebhookQueue:
    """Deliveries by due time (elapsed). Every one ends accepted or failed; until then it is pending."""

    def __init__(self, store: str, clock: StoreClock, hooks: Hooks, *, seed: int, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._hooks = hooks
        self._seed = seed
        self._policy = policy
        self._heap: list[tuple[float, int, Delivery]] = []
        self._sequence = 0
        self._seen: Counter[tuple[str, str]] = Counter()
        self._destinations: dict[str, _Destination] = {}
        self.counts = Counts()
        self.woken: Callable[[], None] = _nothing

    def publish(self, scope: str, data: dict[str, Any]) -> None:
        """An event happened: queue it for every hook that listens."""
        raw = msgspec.json.encode(data)
        key = (scope, raw.decode())
        self._seen[key] += 1
        identity = f"{self._seed}|{self._store}|{scope}|{key[1]}|{self._seen[key]}"
        listening = self._hooks.listening(scope)
        if not listening:
            return
        digest = hashlib.sha1(identity.encode(), usedforsecurity=False)
        event_hash = digest.hexdigest()
        body = self._body(scope, data, event_hash, self._clock.date())
        late, delay_s, double, double_s = self._chances(identity)
        for hook in listening:
            delivery = Delivery(hook.id, hook.destination, event_hash, body)
            self.counts.reordered += late
            self._add(delivery, delay_s)
            if double:
                self.counts.duplicates += 1
                self._add(Delivery(hook.id, hook.destination, event_hash, body), delay_s + double_s)
        self.woken()

    def due(self, most: int) -> list[Delivery]:
        """Deliveries whose time has come, at most so many."""
        elapsed = self._clock.elapsed()
        found: list[Delivery] = []
        while self._heap and len(found) < most and self._heap[0][0] <= elapsed:
            delivery = heapq.heappop(self._heap)[2]
            if self._may_go(delivery, elapsed):
                found.append(delivery)
        return found

    def real_seconds_to_next(self) -> float | None:
        """None if nothing waits."""
        if not self._heap:
            return None
        return max(0.0, self._clock.real_seconds(self._heap[0][0] - self._clock.elapsed()))

    def settle(self, delivery: Delivery, *, ok: bool) -> None:
        """What became of an attempt: done, or queued again, or the hook's end."""
        self.counts.sent += 1
        self._observe(delivery, ok=ok)
        if ok:
            self.counts.accepted += 1
            self.counts.pending -= 1
        else:
            self._again(delivery)

    def blocked(self) -> dict[str, Blocked]:
        """By blocked domain."""
        elapsed = self._clock.elapsed()
        return {
            domain: Blocked(each.blocked_until - elapsed, each.failures, each.since)
            for domain, each in self._destinations.items()
            if each.since is not None and each.blocked_until > elapsed
        }

    def headers(self, delivery: Delivery) -> tuple[tuple[str, str], ...]:
        """The hook's own headers as they are now; none if it is gone."""
        hook = self._hooks.rows.get(delivery.hook_id)
        return () if hook is None else hook.headers

    def _add(self, delivery: Delivery, delay_s: float) -> None:
        self.counts.pending += 1
        self._push(delivery, delay_s)

    def _push(self, delivery: Delivery, delay_s: float) -> None:
        self._sequence += 1
        heapq.heappush(self._heap, (self._clock.elapsed() + delay_s, self._sequence, delivery))

    def _may_go(self, delivery: Delivery, elapsed: float) -> bool:
        hook = self._hooks.rows.get(delivery.hook_id)
        if hook is None or not hook.is_active:
            self._give_up()
            return False
        if self._destination(delivery).blocked_until > elapsed:
            self._again(delivery)
            return False
        return True

    def _again(self, delivery: Delivery) -> None:
        if delivery.attempt >= len(RETRIES_S):
            self._give_up()
            self._hooks.deactivate(delivery.hook_id)
            self._tell(delivery, 90002, "Webhook delivery retries are exhausted; the webhook is disabled.")
            return
        wait_s = max(RETRIES_S[delivery.attempt], SHORTEST_RETRY_REAL_S * self._clock.speed)
        delivery.attempt += 1
        self.counts.retried += 1
        self._push(delivery, wait_s)
        self._tell(delivery, 90001, "Webhook delivery failed and will be retried.")
        self.woken()

    def _give_up(self) -> None:
        self.counts.failed += 1
        self.counts.pending -= 1

    def _observe(self, delivery: Delivery, *, ok: bool) -> None:
        destination, elapsed = self._destination(delivery), self._clock.elapsed()
        window = int(elapsed / BLOCK_WINDOW_S)
        if window != destination.window:
            destination.window, destination.requests, destination.succeeded = window, 0, 0
        destination.requests += 1
        destination.succeeded += ok
        rate = destination.succeeded / destination.requests
        if destination.requests >= BLOCK_AFTER_REQUESTS and rate < BLOCK_BELOW:
            destination.blocked_until = elapsed + max(BLOCK_S, SHORTEST_RETRY_REAL_S * self._clock.speed)
            destination.failures = destination.requests - destination.succeeded
            destination.since = self._clock.date()
            destination.requests = destination.succeeded = 0
            self._tell(delivery, 90003, "The destination domain is blocked for 3 minutes.", always=True)

    def _destination(self, delivery: Delivery) -> _Destination:
        return self._destinations.setdefault(urlsplit(delivery.destination).netloc, _Destination())

    def _tell(self, delivery: Delivery, code: int, message: str, *, always: bool = False) -> None:
        destination, elapsed = self._destination(delivery), self._clock.elapsed()
        if code == 90001 and not always and elapsed - destination.told_at < EXCEPTION_EVERY_S:
            return
        destination.told_at = elapsed
        hook = self._hooks.rows.get(delivery.hook_id)
        if hook is not None and hook.scope != EXCEPTION_SCOPE:
            self.publish(EXCEPTION_SCOPE, {"type": "webhook", "id": hook.id, "error_code": code, "message": message})

    def _chances(self, identity: str) -> tuple[bool, float, bool, float]:
        draw = hashlib.blake2b(identity.encode(), digest_size=16).digest()
        one, two, three, four = (int.from_bytes(draw[i : i + 4], "big") / 2**32 for i in (0, 4, 8, 12))
        late = one < self._policy.reorders
        double = two < self._policy.duplicates
        # Half of the duplicates come right after the first, as was seen live; the others late.
        double_s = DUPLICATE_AFTER_S if four < 0.5 else four * self._policy.max_delay_s
        return late, three * self._policy.max_delay_s if late else 0.0, double, double_s

    def _body(self, scope: str, data: dict[str, Any], event_hash: str, date: datetime) -> bytes:
        return msgspec.json.encode(
            {
                "producer": f"stores/{self._store}",
                "hash": event_hash,
                "created_at": int(date.timestamp()),
                "store_id": str(1000000000 + int(hashlib.blake2b(self._store.encode(), digest_size=3).hexdigest(), 16)),
                "scope": scope,
                "data": data,
            }
        )


def sign(client_secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header (Standard Webhooks; the key is the secret's bytes)."""
    content = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.new(client_secret.encode(), content, "sha256").digest()).decode()


def _nothing() -> None:
    """Nobody waits."""

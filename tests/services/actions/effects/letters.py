"""Effects to be sent, and vendors that answer what a test says."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from headrace.consumer.effects import Contact, Letter
from headrace.contracts.actions import Cause
from headrace.contracts.effects import Effect, EffectKind, effect_id
from headrace.platforms.http import VendorClient
from headrace.runtime.retry import RetryPolicy

NOW = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
ANN = Contact("ann@x.example", "Ann", "Example", subscribed=True)
ONCE = RetryPolicy(first_delay_s=0.001, max_delay_s=0.001, deadline_s=0.0)
ID = effect_id("s:42", "rule:r", "k", "order:7")
Reply = Callable[[httpx.Request], httpx.Response]


def letter(
    kind: EffectKind = "send_email",
    with_: dict[str, Any] | None = None,
    *,
    contact: Contact | None = ANN,
    attempt: int = 1,
    now: datetime = NOW,
    customer: str = "s:42",
) -> Letter:
    effect = Effect(
        id=effect_id(customer, "rule:r", "k", "order:7"),
        customer=customer,
        version=(1, 2, 3),
        kind=kind,
        entry="rule:r",
        key="k",
        cause_id="order:7",
        cause=Cause(event="order:7:paid", rules=("rule:r",)),
        rules_version=3,
        decided_at=NOW,
        fact_at=NOW,
        expires_at=datetime(2026, 11, 23, tzinfo=UTC),
        with_=with_ or {},
    )
    return Letter(effect, contact, now, attempt)


class Vendor:
    """Answers by `replies` in turn, the last for ever; an exception is raised instead. `asked`: what came."""

    def __init__(self, *replies: httpx.Response | Exception | Reply) -> None:
        self.replies = list(replies) or [httpx.Response(204)]
        self.asked: list[httpx.Request] = []
        self.client = VendorClient(
            "v", base_url="https://vendor.example", transport=httpx.MockTransport(self._answer), retry=ONCE
        )

    @property
    def routes(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.asked]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, httpx.Response) else reply(request)

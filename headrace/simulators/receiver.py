"""Where webhooks of ours go: `POST /hooks/{name}`. It checks Standard Webhooks signatures and does each id once.

What else it answers (202, 301, 410, 429, 500, nothing, a byte a second, far too much) is ordered by faults of the
vendor `receiver`. The signature is checked by the standard's own library, not by ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from json import JSONDecodeError
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from headrace.simulators.bigcommerce.dates import iso8601
from headrace.simulators.call import Answer, Call, ok
from headrace.simulators.clock import StoreClock
from headrace.simulators.effects import Effects, effect_id

VENDOR: Final = "receiver"
SINK: Final = "webhook"
_PREFIX: Final = "/hooks/"


@dataclass(slots=True)
class Request:
    """One request, whatever became of it. `verified` None: nothing to check it by. `taken`: it was not refused."""

    name: str
    id: str
    at: datetime
    headers: dict[str, str]
    body: bytes
    verified: bool | None = None
    taken: bool = False

    def shape(self) -> dict[str, Any]:
        """As in `GET /_sim/hooks`."""
        return {
            "name": self.name,
            "id": self.id,
            "at": iso8601(self.at),
            "verified": self.verified,
            "taken": self.taken,
            "headers": self.headers,
            "body": self.body.decode(errors="replace"),
        }


@dataclass(slots=True)
class Receiver:
    """Every endpoint there is: a name needs no making. `secrets` by name; "" is that of all others; none: unsigned."""

    clock: StoreClock
    effects: Effects
    secrets: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    _done: set[tuple[str, str]] = field(default_factory=set)

    def ask(self, call: Call, headers: Mapping[str, str]) -> Request | None:
        """A request arrives and is counted; None where there is no endpoint."""
        name = call.path.removeprefix(_PREFIX)
        if call.method != "POST" or not call.path.startswith(_PREFIX) or not name or "/" in name:
            return None
        given = {key.lower(): value for key, value in headers.items()}
        body = call.raw.decode(errors="replace")
        key = given.get("webhook-id") or effect_id(body) or f"{name}/{len(self.requests) + 1}"
        request = Request(name, effect_id(key) or key, self.clock.date().replace(microsecond=0), given, call.raw)
        self.requests.append(request)
        self.effects.ask(SINK, request.id)
        return request

    def take(self, request: Request) -> Answer:
        """Do what is asked for, unless its signature is wrong. What has a webhook-id is done once, however often."""
        secret = self.secrets.get(request.name, self.secrets.get(""))
        if secret:
            request.verified = _verified(secret, request)
            if not request.verified:
                return ok({"error": "the signature is missing or wrong"}, 401)
        request.taken = True
        if "webhook-id" not in request.headers or (request.name, request.id) not in self._done:
            self._done.add((request.name, request.id))
            self.effects.take(SINK, request.id, request.at, to=request.name)
        return ok({})


def no_endpoint() -> Answer:
    """The answer where nothing is."""
    return ok({"error": "only POST /hooks/{name}"}, 404)


def _verified(secret: str, request: Request) -> bool:
    try:
        Webhook(secret).verify(request.body, request.headers)
    except (WebhookVerificationError, JSONDecodeError, ValueError):
        return False
    return True

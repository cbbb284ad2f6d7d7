"""A door for each endpoint of Klaviyo, since each has limits of its own; replies tell what is left of the minute."""

from collections.abc import Mapping
from typing import Final

from headrace.platforms.gate import Gate
from headrace.platforms.http import Request
from headrace.platforms.klaviyo.pace import Pace, limit_of
from headrace.platforms.quota import QuotaReply

_LONGEST_S: Final = 60.0


class Gates:
    """The doors of one account; `share` (above 0) of its limits is ours."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._gates: dict[str, Gate] = {}

    def __call__(self, request: Request) -> Gate:
        """The door of a request's endpoint."""
        gate = self._gates.get(request.route)
        if gate is None:
            gate = self._gates[request.route] = EndpointGate(Pace(limit_of(request).share(self._share)))
        return gate


class EndpointGate(Gate):
    """A door that closes when the account's other keys have used the minute up."""

    def leave(self, ticket: int, headers: Mapping[str, str] | None = None) -> QuotaReply | None:
        """The call ended; a reply that says that nothing is left closes the door until the window's end."""
        reply = super().leave(ticket, headers)
        wait = until_more(headers or {})
        if wait > 0:
            self.block_for(wait)
        return reply


def until_more(headers: Mapping[str, str]) -> float:
    """Seconds to the end of the minute when `RateLimit-Remaining` says that nothing is left; else 0."""
    try:
        left, reset_s = int(headers["ratelimit-remaining"]), float(headers["ratelimit-reset"])
    except (KeyError, ValueError):
        return 0.0
    return reset_s if left <= 0 and 0 < reset_s <= _LONGEST_S else 0.0

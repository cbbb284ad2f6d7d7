"""What can go wrong at a vendor, told by what to do next.

    VendorError
    ├── RateLimited     wait `retry_after_s`, then send the same again; nothing was done
    ├── NotSent         the same, and we did not even ask: our quota, or a vendor that rests after failures
    ├── Unavailable     wait and send the same again: the vendor is down, slow or overloaded
    │   └── TooLarge    ask for less: the reply is larger than we take
    ├── Rejected        do not send it again: the vendor understood and said no
    ├── Unauthorized    stop and say so: only a person can put the credentials right
    └── OutcomeUnknown  it may have been done or not, and may not be done twice: show it, do not guess

How an HTTP reply becomes one of these is in `http`.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

Next = Literal["try_again", "look", "pause", "refuse"]


class VendorError(Exception):
    """Any of the below. `route` is the method and path pattern; no message holds personal data of ours.

    `next` is the advice as a plain word, for who does not know these classes: `try_again` (nothing was done), `look`
    (it may have been done), `pause` (nobody's call will do better), `refuse` (this call will never do).
    `retry_after_s` belongs to `try_again`, None when nobody said.
    """

    next: ClassVar[Next]
    retry_after_s: float | None = None

    def __init__(self, route: str, message: str) -> None:
        super().__init__(f"{route}: {message}")
        self.route = route
        self.message = message


class RateLimited(VendorError):
    """429, or the like. `retry_after_s` is what the vendor asked for; None when it did not say."""

    next = "try_again"

    def __init__(self, route: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(route, message)
        self.retry_after_s = retry_after_s


class NotSent(VendorError):
    """Nothing went out: `reason` is `quota` (ours opens too late for this call) or `circuit` (the vendor rests)."""

    next = "try_again"

    def __init__(self, route: str, message: str, *, reason: Literal["quota", "circuit"], retry_after_s: float) -> None:
        super().__init__(route, message)
        self.reason = reason
        self.retry_after_s = retry_after_s


class Unavailable(VendorError):
    """No connection, a time-out, 5xx, or a reply that is not what the vendor sends.

    `lingers`: nobody answered in time, so that the vendor may still be at it.
    """

    next = "look"

    def __init__(self, route: str, message: str, *, lingers: bool = False) -> None:
        super().__init__(route, message)
        self.lingers = lingers


class TooLarge(Unavailable):
    """A read whose reply is larger than we take: asked for less, it is answered; the same again is as large."""


class Rejected(VendorError):
    """Another 4xx. `errors` is what the vendor says per field or element; it may hold what we sent: not for logs."""

    next = "refuse"

    def __init__(self, route: str, status: int, message: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(route, f"{status} {message}")
        self.status = status
        self.errors = dict(errors or {})


class Unauthorized(VendorError):
    """401, or 403 with the vendor's own explanation: `forbidden`, this one thing is not ours to do."""

    next = "pause"

    def __init__(self, route: str, message: str, *, forbidden: bool = False) -> None:
        super().__init__(route, message)
        self.forbidden = forbidden


class OutcomeUnknown(VendorError):
    """The connection broke, or the vendor failed, after a call that must not be repeated was sent.

    `lingers`: nobody answered in time, so that the vendor may still be at it.
    """

    next = "look"

    def __init__(self, route: str, message: str, *, lingers: bool = False) -> None:
        super().__init__(route, message)
        self.lingers = lingers

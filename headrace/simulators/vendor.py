"""What the server needs of a simulated e-mail platform; it has a port of its own.

BigCommerce, whose calls share a quota with other apps, is not one of these.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from headrace.simulators.call import Answer, Call


class Vendor(Protocol):
    """One account at one platform. Times are the store clock's; nothing here sleeps or opens a socket."""

    @property
    def name(self) -> str:
        """As in `--platform`."""

    @property
    def connections(self) -> int | None:
        """How many calls it takes at one time; None: it does not say."""

    def template(self, call: Call) -> str:
        """The path as it is counted, its variable parts in braces; "other" for what it does not know."""

    def answer(self, call: Call, headers: Mapping[str, str]) -> Answer:
        """The answer to a call with these headers, credentials and rate limits included."""

    def overloaded(self) -> Answer:
        """The answer to a call above `connections`."""

    def truth(self) -> dict[str, Any]:
        """What the account holds: e-mail address -> contact, with at least `tags`, sorted."""

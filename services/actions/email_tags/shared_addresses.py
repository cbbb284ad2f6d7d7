"""Who shares an e-mail address: a guest and the customer the guest became, two accounts of one person, also customers
of two stores that write to one account of the platform.

A platform has one contact an address; a tag comes off only when nobody of the address wants it any more. What a
customer wants is decided elsewhere.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from headrace.consumer.kind import Json
from headrace.consumer.ledger import forget_wanted, load_groups, store_all_wanted
from headrace.contracts.actions import Version

Wanted = Mapping[str, tuple[Version, Json]]
Wish = tuple[str, list[str]]
"""An address and the tags wanted there."""
_UNVERSIONED: Final = (0, 0, 0)
"""What a wish follows from has the versions."""


class Addresses:
    """The wishes of a store's customers by address, kept in the ledger under a kind of its own per store and address.

    `sharing`: all stores of the same account, this one too. Where they look, what they keep stays apart.
    """

    def __init__(self, kind: str, store: str, *, sharing: Sequence[str] = ()) -> None:
        self._prefix: Final = f"{kind}@{store}/"
        self._prefixes: Final = [f"{kind}@{one}/" for one in sharing or (store,)]

    def update(
        self, connection: Connection, before: Mapping[str, Wish | None], after: Mapping[str, Wish | None]
    ) -> None:
        """Keeps the wishes after, by customer."""
        changed: dict[tuple[str, str], tuple[Version, Json]] = {}
        for customer, new in after.items():
            old = before[customer]
            if old is not None and (new is None or new[0] != old[0]):
                forget_wanted(connection, self._prefix + old[0], customer)
            if new is not None and new != old:
                changed[self._prefix + new[0], customer] = _UNVERSIONED, new[1]
        store_all_wanted(connection, changed)

    def of_others(
        self, connection: Connection, concerned: Mapping[str, Collection[str]]
    ) -> dict[str, dict[str, list[str]]]:
        """For each customer and each of these addresses: what others want there by now, if anything."""
        every = sorted({email for emails in concerned.values() for email in emails})
        found = load_groups(connection, [prefix + email for email in every for prefix in self._prefixes])
        held = {email: self._held(found, email) for email in every}
        return {
            customer: {email: _of_others(held[email], customer) for email in emails}
            for customer, emails in concerned.items()
        }

    def _held(self, found: Mapping[str, Mapping[str, Json]], email: str) -> dict[str, Sequence[str]]:
        return {
            customer: names for prefix in self._prefixes for customer, names in found.get(prefix + email, {}).items()
        }


def _of_others(held: Mapping[str, Sequence[str]], customer: str) -> list[str]:
    return sorted({name for other, names in held.items() if other != customer for name in names})


def wishes(customers: Iterable[str], contacts: Wanted, tags: Wanted) -> dict[str, Wish | None]:
    """What each customer wants where, as far as contact and tags are known."""
    return {customer: _wish(contacts.get(customer), tags.get(customer)) for customer in customers}


def _wish(contact: tuple[Version, Json] | None, tags: tuple[Version, Json] | None) -> Wish | None:
    email = contact[1].get("email") if contact else None
    return (email, tags[1]["present"]) if email and tags and tags[1]["present"] else None

"""Stores of one process that write to the same account of a platform: there they have their contacts in common."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from services.actions.email_tags.turns import Turns


@dataclass(frozen=True, slots=True)
class Account:
    """The stores that have it, in order, and whose turn it is at an address of it."""

    stores: tuple[str, ...]
    turns: Turns = field(default_factory=Turns)


def accounts_of(identities: Mapping[str, Hashable]) -> dict[str, Account]:
    """Store -> account; stores whose account looks the same (address, key, audience) have one between them."""
    stores: dict[Hashable, list[str]] = {}
    for store, identity in identities.items():
        stores.setdefault(identity, []).append(store)
    accounts = {identity: Account(tuple(several)) for identity, several in stores.items()}
    return {store: accounts[identity] for store, identity in identities.items()}

"""Whose event it is: the key of a store customer, and of a guest.

Which resource belongs to whom is in `normalise`, who took over whose orders in `owners`.
"""

import hashlib
from typing import Final

_GUEST: Final = "guest-"


def customer_key(store: str, customer_id: int | str) -> str:
    """`store:id`."""
    return f"{store}:{customer_id}"


def email_hash(identity: str, hash_key: bytes) -> str:
    """32 hex digits that stand for an e-mail address, the same for every spelling in upper and lower case."""
    return hashlib.blake2b(identity.strip().lower().encode(), key=hash_key[:64], digest_size=16).hexdigest()


def guest_key(store: str, identity: str, hash_key: bytes) -> str:
    """`store:guest-<hex>`: the hash of an e-mail address."""
    return guest_of(store, email_hash(identity, hash_key))


def guest_of(store: str, hashed: str) -> str:
    """The guest of an address that is already hashed."""
    return f"{store}:{_GUEST}{hashed}"


def hash_of_guest(key: str) -> str | None:
    """The hash in a guest's key; None for a customer's."""
    rest = key.rpartition(":")[2]
    return rest.removeprefix(_GUEST) if rest.startswith(_GUEST) else None

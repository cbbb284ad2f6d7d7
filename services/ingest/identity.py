"""Whose event it is: the key of a store customer, and of a guest.

Which resource belongs to whom is in `normalise`.
"""

import hashlib


def customer_key(store: str, customer_id: int | str) -> str:
    """`store:id`."""
    return f"{store}:{customer_id}"


def guest_key(store: str, identity: str, hash_key: bytes) -> str:
    """`store:guest-<hex>`: the hash of an e-mail address, the same for every spelling in upper and lower case."""
    digest = hashlib.blake2b(identity.strip().lower().encode(), key=hash_key[:64], digest_size=16).hexdigest()
    return f"{store}:guest-{digest}"

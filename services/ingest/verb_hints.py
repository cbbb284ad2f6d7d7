"""What the verbs say to do about a store's secrets, with one store and with several."""

import os

from headrace.runtime.settings import variable


def where_to_set(secret: str) -> str:
    """One of a store's own secrets, by its field."""
    return f"`{secret}_file:` of the store" if os.environ.get(variable("stores")) else variable(secret)

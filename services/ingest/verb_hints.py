"""What the verbs say to do about their settings, with one store and with several."""

import os

from headrace.runtime.settings import SettingsError, variable


def settings_hint(error: SettingsError) -> str:
    """Where to set what is missing or wrong."""
    stores = os.environ.get(variable("stores"))
    if not stores:
        return "set them in the environment or a --config file"
    if error.problems.keys() == {variable("store")}:
        return f"name the store with --store, or in {variable('store')}"
    if variable("stores") in error.problems:
        return f"mend {stores}"
    return f"set them in {stores}, in the environment or a --config file"


def where_to_set(secret: str) -> str:
    """One of a store's own secrets, by its field."""
    return f"`{secret}_file:` of the store" if os.environ.get(variable("stores")) else variable(secret)

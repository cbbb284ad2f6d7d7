"""The names of our environment variables, and the error that tells which of them are wrong."""

import re
from typing import Final

PREFIX: Final = "HEADRACE_"
STORE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A store's hash, as in the vendor's paths."""


class SettingsError(Exception):
    """Settings are missing or wrong. `problems` maps each variable's name to what is wrong, never to its value."""

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = dict(sorted(problems.items()))
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in self.problems.items()))


def variable(field: str) -> str:
    """The variable that sets a field."""
    return f"{PREFIX}{field}".upper()

"""The errors of a replay that a person must do something about: what is wrong, and what to do.

A Kafka that is away is `headrace.runtime.dependency.DependencyError`.
"""


class Refused(Exception):  # reads as the fact it states
    """Nothing of the live generation was changed. `code` is one word for scripts. The verb exits 1."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)  # all of them, so that it passes from one process to another
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message

"""The error for something outside that is missing or unfit (network, Java, disk, Kafka): what a person reads.

Vendor errors are another tree (`headrace.platforms.errors`).
"""


class DependencyError(Exception):
    """`code` is one word for scripts, `message` says what is wrong, `hint` what to do about it. The CLI exits 3."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)
        self.code = code
        self.message = message
        self.hint = hint

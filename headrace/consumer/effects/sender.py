"""What a sender of effects is, what it is given, and what it may answer."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from headrace.contracts.effects import Effect


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a customer, as last told. `subscribed` None: no word on it, so it is denied."""

    email: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    subscribed: bool | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """One effect, ready to go. `now`: the store's clock. `attempt`: 1 the first time.

    `contact` None: nothing is known of the customer. `again`: an earlier attempt may have been done.
    """

    effect: Effect
    contact: Contact | None
    now: datetime
    attempt: int = 1
    again: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """It was done. `receipt`: the vendor's own number of it; `detail` is for people. Neither holds personal data."""

    receipt: str = ""
    detail: str = ""


class NotNow(Exception):
    """Certainly not done; it comes again. `delay_s`: not before (None = the loop's own back-off)."""

    def __init__(self, reason: str, *, delay_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.delay_s = delay_s


class InDoubt(Exception):
    """It may have been done, and may not: the line broke, or the answer is not to be read."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Exception):
    """It will never be done: the vendor says no, or it makes no sense. `detail` is for people, no personal data."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Sender(Protocol):
    """Does effects of some kinds. `send` may also raise `headrace.consumer.PauseConsumer`: we as such are refused.

    Any other exception is taken for a fault of the sender: in doubt.
    """

    @property
    def name(self) -> str:
        """Short, for ever: the table's key and the end of the consumer group's name."""

    @property
    def keyed(self) -> bool:
        """True when to ask twice with the same effect does it once: the vendor, or the sender, knows its id."""

    @property
    def concurrency(self) -> int:
        """How many at once; never two of one customer."""

    @property
    def deadline_s(self) -> float:
        """Nothing of one `send` arrives at the vendor later than this after its start."""

    def wants(self, effect: Effect) -> bool:
        """Whether it is this sender's."""

    async def send(self, letter: Letter) -> Done:
        """Does it. Raises NotNow, InDoubt, Refused, PauseConsumer."""

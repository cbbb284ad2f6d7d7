"""One attempt at one effect: what the sender answered, and what that makes of the row."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final, Literal

from headrace.consumer.effects.policy import Policy
from headrace.consumer.effects.rows import Entry, State
from headrace.consumer.effects.sender import InDoubt, Letter, NotNow, Refused, Sender
from headrace.consumer.kind import PauseConsumer
from headrace.runtime.deadline import sending_until
from headrace.runtime.logs import log
from headrace.runtime.retry import RetryAt, RetryPolicy, decide_retry

_BACK_OFF: Final = RetryPolicy(first_delay_s=2.0, max_delay_s=1800.0, deadline_s=float("inf"))
_DETAIL: Final = 300
Outcome = Literal["applied", "unknown", "refused", "skipped"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A claimed row and what its sender gets. `until`: nothing is begun after this moment of `time.monotonic()`."""

    entry: Entry
    letter: Letter
    until: float


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended. `state` None: it waits again, for `delay_s`. `pause`: why the sender as such rests."""

    state: State | None
    reason: str = ""
    detail: str = ""
    receipt: str = ""
    delay_s: float = 0.0
    again: bool = False
    pause: str | None = None

    @property
    def outcome(self) -> Outcome:
        """As it is told."""
        outcomes: dict[State, Outcome] = {"sent": "applied", "unknown": "unknown", "refused": "refused"}
        return "skipped" if self.state is None else outcomes.get(self.state, "skipped")

    @staticmethod
    def in_doubt(sender: Sender, policy: Policy, entry: Entry, reason: str, *, delay_s: float = 0.0) -> "Ended":
        """It may have been done. By the policy it is done again once: who still does not know then asks a person."""
        if sender.keyed or (policy.unknown == "resend" and not entry.again):
            return Ended(None, reason, delay_s=delay_s, again=True)
        return Ended("dropped" if policy.unknown == "drop" else "unknown", reason)


async def send(sender: Sender, one: Outgoing, policy: Policy) -> Ended:
    """Never raises but for cancellation: then nobody knows how it ended."""
    entry, delay_s = one.entry, _delay_s(one.letter.attempt)
    left_s = one.until - time.monotonic()
    if left_s <= 0:  # we stood still since it was claimed: others may have given it up by now
        return Ended(None, "late", again=entry.again)
    try:
        with sending_until(one.until):
            async with asyncio.timeout(left_s):
                done = await sender.send(one.letter)
    except NotNow as error:
        wait_s = delay_s if error.delay_s is None else error.delay_s
        return Ended(None, error.reason, delay_s=wait_s, again=entry.again)
    except Refused as error:
        return Ended("refused", error.reason, error.detail[:_DETAIL])
    except PauseConsumer as error:
        return Ended(None, error.reason, again=entry.again, pause=error.reason)
    except InDoubt as error:
        return Ended.in_doubt(sender, policy, entry, error.reason, delay_s=delay_s)
    except TimeoutError:
        return Ended.in_doubt(sender, policy, entry, "deadline", delay_s=delay_s)
    except Exception as error:  # a fault of the sender: what it did before nobody knows
        log.exception("task.failed", task=f"effects.{sender.name}")
        return Ended.in_doubt(sender, policy, entry, type(error).__name__, delay_s=delay_s)
    return Ended("sent", "", done.detail[:_DETAIL], done.receipt)


def _delay_s(attempt: int) -> float:
    verdict = decide_retry(_BACK_OFF, attempt, 0.0)
    return verdict.delay_s if isinstance(verdict, RetryAt) else _BACK_OFF.max_delay_s

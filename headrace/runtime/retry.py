"""Retry as a decision: a frozen policy and the past in, the next delay or the end out.

Who sleeps, and which errors are worth another try, is the caller's matter.
"""

import random as random_module
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Delays double from `first_delay_s` up to `max_delay_s`; nothing is tried after `deadline_s` in all.

    `jitter` is the share of a delay that is random: 0.5 means between half the delay and all of it, so that many
    processes that failed together do not come back together.
    """

    first_delay_s: float = 0.2
    max_delay_s: float = 10.0
    deadline_s: float = 60.0
    jitter: float = 0.5


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again after so many seconds from now."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The deadline would pass first."""

    elapsed_s: float


def decide_retry(
    policy: RetryPolicy,
    attempt: int,
    elapsed_s: float,
    *,
    retry_after_s: float | None = None,
    random: Callable[[], float] = random_module.random,
) -> RetryAt | GiveUp:
    """What to do after failed attempt number `attempt` (from 1), `elapsed_s` after the first one began.

    `retry_after_s` is what the other side asked for: it is never undercut. `random` gives numbers in [0, 1).
    """
    delay = min(policy.max_delay_s, policy.first_delay_s * 2.0 ** min(attempt - 1, 62))
    delay *= 1 - policy.jitter * random()
    if retry_after_s is not None:
        delay = max(delay, retry_after_s)
    return GiveUp(elapsed_s) if elapsed_s + delay > policy.deadline_s else RetryAt(delay)

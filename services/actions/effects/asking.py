"""What a client's error means to the loop of effects: not now, in doubt, never, or nobody's call will do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from math import inf
from time import monotonic
from typing import Final

from headrace.consumer import PauseConsumer
from headrace.consumer.effects import InDoubt, NotNow, Refused
from headrace.platforms.errors import (
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from headrace.runtime.deadline import sending_until, time_to_send

PREPARING_S: Final = 30.0
"""How long one send may prepare: make a coupon, fill in a template, look one up."""
MARGIN_S: Final = 1.0
"""By which a sender's deadline is later than its client's: the client knows what it means that time is up."""


@asynccontextmanager
async def preparing(within_s: float) -> AsyncIterator[None]:
    """Around what comes before the one call that does it: were it too slow, nothing was done. Raises NotNow."""
    try:
        async with asyncio.timeout(within_s):
            yield
    except TimeoutError:
        raise NotNow("too slow to prepare") from None


@contextmanager
def asking(*, deadline_s: float, may_be_done: bool = False) -> Iterator[None]:
    """Around the calls of one send: nothing goes out later than `deadline_s` after its start.

    `may_be_done`: the call that does the effect may be repeated, so that its `Unavailable` is also of a broken line.
    Otherwise that is a call that was not done (503, no connection), or one that only prepares.
    """
    with sending_until(monotonic() + deadline_s) if time_to_send() == inf else nullcontext():
        try:
            yield
        except NotSent as error:
            raise NotNow(error.reason, delay_s=error.retry_after_s) from error
        except RateLimited as error:
            raise NotNow("rate_limited", delay_s=error.retry_after_s) from error
        except Unavailable as error:
            raise (InDoubt if may_be_done else NotNow)(f"unavailable: {error.message}") from error
        except OutcomeUnknown as error:
            raise InDoubt(error.message) from error
        except Rejected as error:
            raise Refused("vendor_rejected", error.message) from error
        except Unauthorized as error:
            raise PauseConsumer(error.message) from error

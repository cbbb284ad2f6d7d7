"""What a client's error means to the loop of effects: not now, in doubt, never, or nobody's call will do."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import inf
from time import monotonic

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

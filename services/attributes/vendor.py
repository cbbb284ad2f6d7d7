"""What a vendor's error means to the consumer loop.

`Rejected` passes through: what a refusal of one customer means, the kind knows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from headrace.consumer import PauseConsumer, TryAgain
from headrace.platforms.errors import OutcomeUnknown, RateLimited, Unauthorized, Unavailable

_OVERLOADED_S: Final = 2.0
"""Wait after a 429 that names no time."""


@contextmanager
def vendor_errors() -> Iterator[None]:
    """Around calls; raises TryAgain or PauseConsumer in the place of the vendor's errors."""
    try:
        yield
    except RateLimited as error:
        raise TryAgain("rate_limited", delay_s=error.retry_after_s or _OVERLOADED_S) from error
    except Unauthorized as error:
        raise PauseConsumer(error.message) from error
    except (Unavailable, OutcomeUnknown) as error:
        raise TryAgain(type(error).__name__, unknown=True) from error

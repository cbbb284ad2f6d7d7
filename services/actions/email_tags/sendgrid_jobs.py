"""SendGrid's jobs that were begun here and are not known to have ended: nothing newer overtakes them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from headrace.consumer import TryAgain
from headrace.platforms import sendgrid
from headrace.platforms.errors import Rejected
from services.actions.email_tags.audience import Change, Labels
from services.actions.email_tags.looking import until
from services.actions.email_tags.sendgrid_names import Call

DONE_WITHIN_S: Final = 60.0
"""How long a job may take until it has ended, and until what it did shows; then the batch comes again."""
_LOST_AFTER_S: Final = 600.0
"""A job that has not ended by then never does."""
_AGAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Open:
    began: float
    wanted: Mapping[str, Labels]
    """What it writes, by address."""


class SendGridJobs:
    """Of one process; `call` raises Rejected, and what its client's errors advise."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._open: dict[str, _Open] = {}

    def begun(self, job: str, changes: Sequence[Change]) -> None:
        """The platform took these in."""
        wanted = {change.email: change.wanted for change in changes}
        self._open[job] = _Open(asyncio.get_running_loop().time(), wanted)

    async def ended(self, jobs: Sequence[str]) -> int:
        """Waits for their end; gives how many rows they left out. TryAgain when one takes too long or failed."""
        errored = 0
        for job in jobs:
            state = await until(partial(self._finished, job), within_s=DONE_WITHIN_S, delay_s=_AGAIN_S)
            self._open.pop(job, None)  # another batch may have waited for it too
            if state.failed:
                raise TryAgain("job_failed", unknown=True)
            errored += state.errored
        return errored

    async def earlier(self, changes: Sequence[Change]) -> set[str]:
        """Waits for jobs of an earlier attempt about these; gives the addresses at which the last one did the same."""
        wanted = {change.email: change.wanted for change in changes}
        now, same = asyncio.get_running_loop().time(), set[str]()
        for job, known in list(self._open.items()):
            about = known.wanted.keys() & wanted.keys()
            if now - known.began > _LOST_AFTER_S:
                self._open.pop(job, None)
            elif about:
                await self.ended([job])
                same -= about
                same |= {email for email in about if known.wanted[email] == wanted[email]}
        return same

    async def _finished(self, job: str) -> sendgrid.Job | None:
        try:
            state = sendgrid.job_state(await self._call(sendgrid.job(job)))
        except Rejected:  # not known yet, or no more
            return None
        return state if state.finished else None

"""What Omnisend took in lately: a batch that needs more calls than a minute has goes on where it stopped.

Kept for as long as nobody else can have worked on the same customers since. No clock: `now` is in seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.actions.email_tags.audience import Change

_KEPT_S: Final = 65.0
"""From one attempt to the next: who waits for calls waits a minute at most."""


@dataclass(slots=True)
class _Entry:
    until: float
    there: bool = False
    tags: dict[str, bool] = field(default_factory=dict)
    """On or off, whichever was asked for last."""


class Asked:
    """By address."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def begin(self, changes: Sequence[Change], now: float) -> None:
        """An attempt: of those who are not in doubt nothing is remembered."""
        doubtful = {change.email for change in changes if change.doubtful}
        others = {change.email for change in changes} - doubtful
        self._entries = {
            email: entry for email, entry in self._entries.items() if entry.until > now and email not in others
        }
        for email in (change.email for change in changes):
            self._entries.setdefault(email, _Entry(now)).until = now + _KEPT_S

    def forget(self) -> None:
        """It was not done, whatever the platform said."""
        self._entries.clear()

    def is_there(self, email: str) -> bool:
        """True when the contact was made, or found, by this attempt or one shortly before."""
        return self._entries[email].there

    def found(self, email: str) -> None:
        """It is a contact."""
        self._entries[email].there = True

    def left(self, email: str, names: Sequence[str], *, onto: bool) -> list[str]:
        """Those of these that are still to be asked for."""
        return [name for name in names if self._entries[email].tags.get(name) is not onto]

    def sent(self, emails: Sequence[str], names: Sequence[str]) -> None:
        """A call goes out: until it is answered nothing is known."""
        for email in emails:
            for name in names:
                self._entries[email].tags.pop(name, None)

    def taken_in(self, emails: Sequence[str], names: Sequence[str], *, onto: bool) -> None:
        """It was answered."""
        for email in emails:
            self._entries[email].tags |= dict.fromkeys(names, onto)

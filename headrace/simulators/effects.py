"""What every sink took in, by effect: the simulator's own count, which nobody's record can talk it out of."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

SINKS: Final = ("smtp", "sendgrid", "mailchimp", "klaviyo", "omnisend", "coupon", "webhook")
_ID: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![0-9a-f])")


@dataclass(slots=True)
class Kept:
    """One effect at one sink. `asked`: how often it came; `count`: how often it was done; `dropped`: done, but it
    reached nobody (suppressed, unsubscribed, past). `at`: the first time it was done, the store's date."""

    sink: str
    id: str
    to: str = ""
    at: datetime | None = None
    asked: int = 0
    count: int = 0
    dropped: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def shape(self) -> dict[str, Any]:
        """As in `GET /_sim/truth`."""
        at = None if self.at is None else self.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        counts = {"count": self.count, "asked": self.asked, "dropped": self.dropped}
        return {"sink": self.sink, "id": self.id, "to": self.to, "at": at, **counts, **self.more}


@dataclass(slots=True)
class Effects:
    """By sink and id. `listeners` hear of an effect the instant it is done, before its answer leaves."""

    listeners: list[Callable[[Kept], None]] = field(default_factory=list)
    _kept: dict[tuple[str, str], Kept] = field(default_factory=dict)

    def ask(self, sink: str, id: str) -> Kept:
        """Somebody asks for it: done or not, it is counted."""
        kept = self._kept.setdefault((sink, id), Kept(sink, id))
        kept.asked += 1
        return kept

    def take(self, sink: str, id: str, at: datetime, *, to: str = "", reaches: bool = True, **more: Any) -> Kept:
        """It is done, once more. `more` stands in the row as it was said last."""
        kept = self._kept.setdefault((sink, id), Kept(sink, id))
        kept.count += 1
        kept.dropped += not reaches
        kept.to, kept.at = to, kept.at or at
        kept.more.update(more)
        for listener in self.listeners:
            listener(kept)
        return kept

    def of(self, sink: str) -> list[Kept]:
        """What was done at a sink, in the order it was asked for first."""
        return [kept for kept in self._kept.values() if kept.sink == sink and kept.count]

    def rows(self) -> list[dict[str, Any]]:
        """Everything that was done."""
        return [kept.shape() for kept in self._kept.values() if kept.count]

    def totals(self) -> dict[str, dict[str, int]]:
        """By sink: `asked`, `count`, `dropped`; `most`, the highest count of one effect."""
        found: dict[str, Counter[str]] = {sink: Counter(asked=0, count=0, dropped=0, most=0) for sink in SINKS}
        for kept in self._kept.values():
            total = found.setdefault(kept.sink, Counter())
            total.update(asked=kept.asked, count=kept.count, dropped=kept.dropped)
            total["most"] = max(total["most"], kept.count)
        return {sink: dict(total) for sink, total in found.items()}


def effect_id(*texts: object) -> str | None:
    """The first id of an effect in these texts: 32 hex digits, or a UUID of them. None when there is none."""
    for text in texts:
        found = _ID.search(text) if isinstance(text, str) else None
        if found is not None:
            return found[0].replace("-", "")
    return None

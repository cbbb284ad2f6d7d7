"""What a rule set says that its conditions are compiled by."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from headrace.rules.model import Calendar, Operand, Spend
from headrace.segmentation.conditions.lists import Counted
from headrace.segmentation.conditions.membership import Named
from headrace.segmentation.ledger import CountedSpend, counted_spend
from headrace.segmentation.state import Line
from headrace.segmentation.windows import WindowSum

T = TypeVar("T")


class AskedWindows:
    """The windowed sums that the rules ask for, each once however often it is written."""

    def __init__(self) -> None:
        self.sums: list[WindowSum] = []
        self.said: list[bytes] = []

    def number(self, said: bytes, one: WindowSum) -> int:
        """The place of this sum among them."""
        if said not in self.said:
            self.said.append(said)
            self.sums.append(one)
        return self.said.index(said)


@dataclass(frozen=True, slots=True)
class Terms:
    """`purchased` and `windows` take in what the facts must keep count of; the rest is the rule set's."""

    currency: str
    timezone: str = "UTC"
    spend: CountedSpend = field(default_factory=lambda: counted_spend(Spend()))
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    channels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    named: Named = field(default_factory=Named)
    purchased: Counted[Line] = field(default_factory=Counted[Line])
    windows: AskedWindows = field(default_factory=AskedWindows)
    _made: dict[bytes, Any] = field(default_factory=dict)

    def once(self, kind: str, said: Any, make: Callable[[], T]) -> T:
        """What is made of something that rules say, one object however often they say it."""
        key = msgspec.json.encode((kind, said), order="deterministic")
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made

    def calendar(self, name: Operand) -> Calendar:
        """The calendar of that name. Raises ValueError."""
        if not isinstance(name, str) or name not in self.calendars:
            raise ValueError(f"no calendar {name!r}")
        return self.calendars[name]

"""A customer within an epoch, and the pages it has: those of the partition with the epoch's own laid over them.

What happens to a customer is decided in `headrace.segmentation`; when, in `agent.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from headrace.contracts.actions import Desired
from headrace.contracts.effects import Effect, EffectKind
from headrace.segmentation.codec import decode_state
from headrace.segmentation.effects import Fate
from headrace.segmentation.pages import ORDER
from headrace.segmentation.settle import Decision
from headrace.segmentation.state import State
from services.evaluator.engine.fold import PartitionView, SourceRecord, Stored
from services.evaluator.engine.state import PAGE_SIGN

_ORDER = ORDER.encode()


class WrittenPage(NamedTuple):
    """`mark`: of the decision that wrote it; `body` None: removed."""

    mark: int
    body: bytes | None


class StoredPages:
    """The pages of one customer as its decisions so far left them (a `Pages` of the core)."""

    __slots__ = ("_prefix", "_view", "written")

    def __init__(self, view: PartitionView, key: bytes) -> None:
        self._view = view
        self._prefix = key + PAGE_SIGN
        self.written: dict[bytes, WrittenPage] = {}

    def read(self, name: str) -> bytes | None:
        """The page of this name, None if there is none."""
        key = self._prefix + name.encode()
        written = self.written.get(key)
        if written is not None:
            return written.body
        stored = self._view.get(key)
        return None if stored is None else stored.body

    def orders(self) -> Iterable[str]:
        """The names of all pages of orders."""
        kept = {key for key in self._view.pages(self._prefix[: -len(PAGE_SIGN)]) if key not in self.written}
        kept.update(key for key, page in self.written.items() if page.body is not None)
        start = len(self._prefix)
        return [key[start:].decode() for key in kept if key.startswith(_ORDER, start)]

    def write(self, decision: Decision, mark: int) -> None:
        """Takes in what a decision wrote."""
        for name, body in decision.pages.items():
            self.written[self._prefix + name.encode()] = WrittenPage(mark, body)


@dataclass(slots=True)
class Customer:
    """Decoded once, encoded at the epoch's close if it changed."""

    state: State | None
    mark: int
    pages: StoredPages
    changed: bool = False
    records: list[SourceRecord] = field(default_factory=list)
    actions: list[Desired] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    fates: list[tuple[EffectKind, Fate]] = field(default_factory=list)

    def keep(self, decision: Decision, mark: int) -> None:
        """The customer after a decision."""
        if decision.state is not self.state:
            self.state = decision.state
            self.mark = mark
            self.changed = True
        self.actions.extend(decision.actions)
        self.effects.extend(decision.effects)
        self.fates.extend(decision.fates)
        self.pages.write(decision, mark)

    def unsay(self) -> None:
        """Nothing of what was decided so far is told."""
        self.actions.clear()
        self.effects.clear()
        self.fates.clear()

    @property
    def speaks(self) -> bool:
        """Whether there is something to tell."""
        return bool(self.actions or self.effects)

    def page_changes(self) -> dict[bytes, Stored | None]:
        """The epoch's pages, by their keys."""
        return {
            key: None if page.body is None else Stored(page.mark, page.body) for key, page in self.pages.written.items()
        }


def open_customer(view: PartitionView, key: bytes) -> Customer:
    """As the last epoch left it. Raises `StateUnreadable`."""
    stored, pages = view.get(key), StoredPages(view, key)
    if stored is None:
        return Customer(None, -1, pages)
    return Customer(decode_state(stored.body), stored.mark, pages)

"""Pages: what is kept of a customer beside its state record, each under a name, and read only when it is needed.

Which orders lie on pages is in `orders.py`, how a page is stored is the shell's business.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

ORDER: Final = "order:"
HISTORY: Final = "history:"

Written = Mapping[str, bytes | None]
"""Pages by name as a decision leaves them; None = removed."""
NOTHING_WRITTEN: Final[Written] = {}


class Limits(NamedTuple):
    """How much stays in the state record: bytes of orders, changes of membership, extremes of cold orders.

    A ledger above `ledger_bytes` is made smaller than `ledger_kept_bytes`, so that not every order has to make room.
    """

    ledger_bytes: int = 8192
    ledger_kept_bytes: int = 6144
    order_bytes: int = 2048
    changes: int = 150
    changes_a_page: int = 50
    extremes: int = 4


LIMITS = Limits()


class Pages(Protocol):
    """The pages of one customer."""

    def read(self, name: str) -> bytes | None:
        """The page of this name, None if there is none."""

    def orders(self) -> Iterable[str]:
        """The names of all pages of orders, in any order."""


class NoPages:
    """A customer without pages."""

    def read(self, name: str) -> bytes | None:
        """None."""

    def orders(self) -> Iterable[str]:
        """None at all."""
        return ()


NO_PAGES: Final[Pages] = NoPages()


@dataclass(frozen=True, slots=True)
class Overlay:
    """Pages with what was written since laid over them."""

    beneath: Pages
    written: Written

    def read(self, name: str) -> bytes | None:
        """What was written last."""
        return self.written[name] if name in self.written else self.beneath.read(name)

    def orders(self) -> Iterable[str]:
        """Those beneath, without the removed ones, and the new ones."""
        yield from (name for name in self.beneath.orders() if name not in self.written)
        yield from (name for name, page in self.written.items() if page is not None and name.startswith(ORDER))


def order_page(order_id: str) -> str:
    """The name of an order's page."""
    return ORDER + order_id


def history_page(number: int) -> str:
    """The name of a page of the membership history, the oldest is 0."""
    return f"{HISTORY}{number}"


def all_removed(pages: Pages, history_pages: int) -> Written:
    """What is written when nothing of the customer may stay."""
    names = (*pages.orders(), *map(history_page, range(history_pages)))
    return dict.fromkeys(names)

"""What a platform must offer so that tags and lists reach its contacts; what is wanted is decided in `kind.py`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from headrace.consumer import Limits, Result
from headrace.contracts.actions import Platform

LIST_MARK: Final = "\x1flist:"
"""Before the name of a list, where tags and lists are kept together as labels."""

_ADDRESS: Final = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+")
_LONGEST: Final = 254


@dataclass(frozen=True, slots=True)
class Labels:
    """Names of tags and of lists, without repeats."""

    tags: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.tags or self.lists)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done about one address; doing it twice is the same as once.

    `put` goes on, `take` comes off; `wanted` is all of ours that shall be there afterwards, for whichever customer of
    this address. `certain`: what we put there before is known, and `put` and `take` are the difference; else `put` is
    all that this customer wants.

    A contact that turns out to be missing, in both cases, is made when `wanted` holds something, and then gets all of
    it; where nothing is wanted, nothing needs to come off. `subscribed`: the person's consent as the store knows it,
    None unknown; it speaks of contacts made by us only. `doubtful`: an earlier change of this customer was begun, and
    nobody knows whether the platform did it, or does it later.
    """

    email: str
    put: Labels
    take: Labels
    wanted: Labels
    certain: bool
    subscribed: bool | None = None
    doubtful: bool = False


class Audience(Protocol):
    """The contacts of one account. No two changes of one call are about one address."""

    @property
    def platform(self) -> Platform: ...
    @property
    def limits(self) -> Limits:
        """How many changes go together, and how many calls at once; `read_back` is not used."""

    async def write(self, changes: Sequence[Change]) -> Sequence[Result]:
        """Does it; one result a change, in order: applied, or refused with the platform's word for why.

        Where a part of it was done, the result is an overflow that tells what is there now.
        Returns when the platform has done it, not when it has only taken it in. Raises TryAgain, PauseConsumer for all
        of them; one whose outcome is then unknown is done again.
        """


def is_address(email: str) -> bool:
    """False for what no platform takes for an e-mail address, so that it need not be asked."""
    return len(email) <= _LONGEST and _ADDRESS.fullmatch(email) is not None


def labels_of(names: Iterable[str]) -> Labels:
    """Labels apart: tags, and lists without their mark; sorted."""
    every = sorted(set(names))
    return Labels(
        tuple(name for name in every if not name.startswith(LIST_MARK)),
        tuple(name.removeprefix(LIST_MARK) for name in every if name.startswith(LIST_MARK)),
    )


def together(tags: Iterable[str], lists: Iterable[str]) -> list[str]:
    """Tags and lists as the ledger keeps them; sorted."""
    return sorted({*tags, *(LIST_MARK + name for name in lists)})


def as_tags(change: Change) -> tuple[list[str], list[str], list[str]]:
    """What to put on, take off, and have afterwards, for a platform without lists of ours: a list is a tag there."""
    wanted = [*dict.fromkeys((*change.wanted.tags, *change.wanted.lists))]
    put = [*dict.fromkeys((*change.put.tags, *change.put.lists))]
    take = [*dict.fromkeys((*change.take.tags, *change.take.lists))]
    return put, [name for name in take if name not in wanted], wanted

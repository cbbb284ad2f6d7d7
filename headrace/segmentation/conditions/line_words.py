"""Whether one of several texts can meet a test at all, asked of all of them in one look.

Names and skus are nearly as many as there are products, and few of them are what a rule asks for: to look each up
would cost more than all the rest of a line.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from headrace.rules.model import Leaf, fold

HARDLY_REPEAT: Final = ("name", "sku")
_FEW: Final = 12
"""With more words than this, each text is looked up: that costs about as much as so many searches."""
_WITH_WORDS: Final = ("is", "in", "contains", "starts_with", "ends_with")


def can_meet(leaves: Sequence[Leaf]) -> Callable[[Iterable[str]], bool] | None:
    """Whether one of some texts may meet one of the leaves; False is sure. None: it cannot be told so cheaply."""
    words = {word for leaf in leaves for word in _words(leaf)}
    if "" in words or len(words) > _FEW:
        return None
    return has_one_of(tuple(sorted(words)))


def has_one_of(words: tuple[str, ...]) -> Callable[[Iterable[str]], bool]:
    """Whether one of some texts, once folded, has one of these words (without space) in it."""

    def has(texts: Iterable[str]) -> bool:
        text = " ".join(texts)
        text = text.lower() if text.isascii() else fold(text)
        for word in words:  # noqa: SIM110  # a generator would cost more than the search
            if word in text:
                return True
        return False

    return has


def _words(leaf: Leaf) -> list[str]:
    """A text must have one of them for the leaf to hold of it; "", which every text has, where nothing is known."""
    if leaf.operator not in _WITH_WORDS:
        return [""]
    members = leaf.operand if isinstance(leaf.operand, tuple) else (leaf.operand,)
    return [max(str(member).split(), key=len, default="") for member in members]

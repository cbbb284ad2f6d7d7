"""The value that a leaf looks at, read by its family: the one place where explanations know families.

A new family is its line in `_READERS`; a leaf of none of them shows no value, and its truth is shown all the same.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from headrace.rules.catalogue import IN_SEGMENT, ON_RUNG, PINNED
from headrace.rules.model import Leaf, Only
from headrace.segmentation.conditions import calendar, channels, declared, demographics, happening, time, window
from headrace.segmentation.conditions.membership import folded_group, group_of
from headrace.segmentation.conditions.registry import ATTRIBUTES, TAGS
from headrace.segmentation.conditions.sets import members
from headrace.segmentation.conditions.terms import Terms
from headrace.segmentation.facts import CONSENTS, TEXTS, Facts

Value = bool | int | str | datetime | tuple[str, ...] | None
"""Money in minor units; None: unset, or nothing to show."""
Reader = Callable[[Facts], Value]


def reader_of(leaf: Leaf, terms: Terms) -> Reader:
    """What the leaf compares with its operand."""
    compiled = next((make for name, make in _READERS if _is_named(leaf.field, name)), None)
    return _nothing if compiled is None else compiled(leaf, terms)


def _is_named(field: str, name: str | frozenset[str]) -> bool:
    """A table of fields, a field, or the beginning of fields, which ends with a point."""
    if isinstance(name, str) and name.endswith("."):
        return field.startswith(name)
    return field == name or field in (name if isinstance(name, frozenset) else ())


def _nothing(facts: Facts) -> Value:
    return None


def _number(leaf: Leaf, terms: Terms) -> Reader:
    return window.compile_number(leaf.field, leaf.window, leaf.only, terms).read


def _attribute(leaf: Leaf, terms: Terms) -> Reader:
    name = leaf.field.removeprefix(ATTRIBUTES)
    return lambda facts: tuple(sorted(facts.attributes().get(name, ())))


def _tags(leaf: Leaf, terms: Terms) -> Reader:
    platform = leaf.field.removeprefix(TAGS)
    return lambda facts: tuple(sorted(facts.tags().get(platform, ())))


def _purpose(leaf: Leaf, terms: Terms) -> Reader:
    purpose = leaf.field.removeprefix(declared.CONSENT)
    return lambda facts: facts.profile is not None and facts.profile.consents.get(purpose) is True


def _channels(leaf: Leaf, terms: Terms) -> Reader:
    """Those among the channels asked for through which orders came."""
    counts = {
        name: window.compile_number(
            "customer.orders", None, Only(channel=channels.ids_of(name, terms.channels)), terms
        ).read
        for name in sorted(members(leaf.operand))
    }
    return lambda facts: tuple(name for name, count in counts.items() if count(facts))


def _order_channel(leaf: Leaf, terms: Terms) -> Reader:
    names = {channel: name for name, several in terms.channels.items() for channel in several}

    def read(facts: Facts) -> Value:
        channel = None if facts.order is None else facts.order.channel
        return None if channel is None else names.get(channel, str(channel))

    return read


def _of_group(kind: str, leaf: Leaf, terms: Terms) -> Reader:
    known = terms.named.kinds if kind == "kind" else terms.named.erp_ids
    read = folded_group(terms.named)
    return lambda facts: known.get(read(facts) or "")


def _rungs(leaf: Leaf, terms: Terms) -> Reader:
    """As `ladder/Group`."""
    names = {place: name for name, places in terms.named.rungs.items() if "/" in name for place in places}

    def read(facts: Facts) -> Value:
        held = facts.standing().rungs.items()
        return tuple(names.get((ladder, rung), f"{ladder}/{rung + 1}") for ladder, rung in sorted(held))

    return read


_DECLARED: Final = frozenset({"customer.gender", "customer.marital_status", "customer.education"})
_READERS: Final[tuple[tuple[str | frozenset[str], Callable[[Leaf, Terms], Reader]], ...]] = (
    (window.FIELDS, _number),
    (frozenset(TEXTS), lambda leaf, terms: TEXTS[leaf.field]),
    (time.FIELDS, lambda leaf, terms: time.reader(leaf.field, terms.timezone)),
    (frozenset(CONSENTS), lambda leaf, terms: CONSENTS[leaf.field]),
    (declared.CONSENT, _purpose),
    (ATTRIBUTES, _attribute),
    (TAGS, _tags),
    (channels.OF_CUSTOMER, _channels),
    (channels.OF_ORDER, _order_channel),
    (channels.SHARE, lambda leaf, terms: channels.compile_share(leaf.field, terms)),
    (demographics.INCOME, lambda leaf, terms: demographics.income(terms.currency)),
    (demographics.FORM, lambda leaf, terms: demographics.reader(leaf.field)),
    (_DECLARED, lambda leaf, terms: demographics.reader(leaf.field)),
    (happening.EVENT, lambda leaf, terms: happening.reader(leaf.field)),
    (calendar.FIELD, lambda leaf, terms: lambda facts: facts.now),
    ("customer.group", lambda leaf, terms: group_of(terms.named)),
    ("customer.kind", partial(_of_group, "kind")),
    ("customer.erp_id", partial(_of_group, "erp_id")),
    (IN_SEGMENT, lambda leaf, terms: lambda facts: facts.standing().segments),
    (ON_RUNG, _rungs),
    (PINNED, lambda leaf, terms: lambda facts: facts.state.pin is not None),
)

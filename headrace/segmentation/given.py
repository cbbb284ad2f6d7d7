"""What somebody's segments and rungs give together.

Few combinations are met among many customers, so each is put together once.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from headrace.segmentation.compiled_entries import CompiledLadder, CompiledSegment, Gives
from headrace.segmentation.facts import Labels, folded
from headrace.segmentation.group_choice import NOBODY, GroupClaim, Leading, leading
from headrace.segmentation.state import Standing, Tags, Values

Claimed = dict[str, dict[str, str]]
"""Attribute or platform -> value -> source of the first claim on it."""
_KEPT: Final = 4096


class Given(Struct, frozen=True):
    """Wishes for a group, attributes and tags, and what follows from these alone. Shared: never to be edited.

    `leading`: of the wishes. `told`: the values, as sinks are told them. `folded`: as tests compare them.
    """

    groups: tuple[GroupClaim, ...] = ()
    attributes: Claimed = {}
    tags: Claimed = {}
    leading: Leading = NOBODY
    attributes_told: Values = {}
    tags_told: Tags = {}
    attributes_folded: Labels = {}
    tags_folded: Labels = {}
    segments: frozenset[str] = frozenset()
    """The same that the standing has, to look one up."""


NOTHING: Final = Given()


class Giving:
    """What these segments and ladders give; `places` of groups, 0 the highest."""

    def __init__(
        self, segments: Mapping[str, CompiledSegment], ladders: Mapping[str, CompiledLadder], places: Mapping[str, int]
    ) -> None:
        self._segments = segments
        self._ladders = ladders
        self._places = places
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]], Given] = {}
        self._last: tuple[Standing, Given] = Standing(), NOTHING

    def of(self, standing: Standing) -> Given:
        """To who stands there: segments first, then rungs by the ladders' ids."""
        last, given = self._last
        if last is standing:  # one decision asks several times
            return given
        rungs = standing.rungs
        key = (standing.segments, tuple(rungs), tuple(rungs.values()))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[key] = self._together(standing)
        self._last = standing, known
        return known

    def _together(self, standing: Standing) -> Given:
        givers = list(self._givers(standing))
        attributes, tags = Claimed(), Claimed()
        for source, gives in givers:
            claim(attributes, gives.attributes, source)
            claim(tags, gives.tags, source)
        groups = tuple(GroupClaim(gives.group, source) for source, gives in givers if gives.group is not None)
        return Given(
            groups,
            attributes,
            tags,
            leading(groups, self._places),
            _as_told(attributes),
            _as_told(tags),
            _folded(attributes),
            _folded(tags),
            frozenset(standing.segments),
        )

    def _givers(self, standing: Standing) -> Iterator[tuple[str, Gives]]:
        for name in standing.segments:
            if (segment := self._segments.get(name)) is not None:
                yield segment.source, segment.gives
        for name, rung in sorted(standing.rungs.items()):
            ladder = self._ladders.get(name)
            if ladder is not None and rung < len(ladder.gives):
                yield ladder.source, ladder.gives[rung]


def claim(found: Claimed, several: Values | Tags, source: str) -> None:
    """Adds what a source claims."""
    for name, values in several.items():
        for value in values:
            found.setdefault(name, {}).setdefault(value, source)


def _as_told(labels: Claimed) -> Values:
    return {name: tuple(sorted(labels[name])) for name in sorted(labels)}


def _folded(labels: Claimed) -> Labels:
    return {name: frozenset(map(folded, values)) for name, values in labels.items()}

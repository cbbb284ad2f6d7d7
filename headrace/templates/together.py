"""Several templates as one rule set, with their default values: what a store has that uses them all.

The same group stands once, as the first template declares it; groups keep the order of the templates.
"""

from collections.abc import Iterable

from headrace.rules.findings import Report
from headrace.rules.load import LoadResult, load_roots
from headrace.rules.parse_rule_set import LISTS
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar
from headrace.templates.fill import fill
from headrace.templates.read import Template


def load_together(templates: Iterable[Template]) -> LoadResult:
    """Their rule set. Findings for what two of them say differently of the store."""
    several = tuple(templates)
    return load_roots(lambda report: _roots(several, report), [template.source for template in several])


def _roots(templates: tuple[Template, ...], report: Report) -> list[Node]:
    filled = [root for template in templates if (root := fill(template, {}, report)) is not None]
    if report.refused or not filled:
        return []
    merged: dict[str, Pair] = {}
    for root in filled:
        for pair in root.pairs:
            known = merged.get(pair.key.text)
            merged[pair.key.text] = pair if known is None else Pair(known.key, _merged(known, pair.value))
    return [Mapping(tuple(merged.values()), filled[0].place)]


def _merged(known: Pair, more: Node) -> Node:
    """Lists one after the other, mappings side by side; of a single value the first one stays."""
    first = known.value
    if isinstance(first, Items) and isinstance(more, Items):
        several = (*first.items, *more.items)
        if known.key.text in LISTS and known.key.text != "groups":
            return Items(several, first.place)
        return Items(tuple({_name(item): item for item in reversed(several)}.values())[::-1], first.place)
    if isinstance(first, Mapping) and isinstance(more, Mapping):
        names = {pair.key.text for pair in first.pairs}
        return Mapping((*first.pairs, *(pair for pair in more.pairs if pair.key.text not in names)), first.place)
    return first


def _name(node: Node) -> str:
    """Of a group, or of its place in the order."""
    if isinstance(node, Mapping):
        name = node.get("name")
        return name.text if isinstance(name, Scalar) else ""
    return node.text if isinstance(node, Scalar) else ""

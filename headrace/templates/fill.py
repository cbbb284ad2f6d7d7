"""Parameters put in: `$name` in any single value becomes the value chosen, at its own place in the file.

A value that is `$name` and nothing else may become a list; within a text (`$brand buyers`) it must be a single value.
`$$` is a dollar sign. Entries without goal, owner and review_by take the template's.
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping as Values
from dataclasses import dataclass, replace
from typing import Final

from headrace.rules.findings import Refused, Report, did_you_mean, quoted
from headrace.rules.load import LoadResult, load_roots
from headrace.rules.parse_store import ABOUT
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar
from headrace.templates.read import Template

REFERENCE: Final = re.compile(r"\$(?:\{([a-z][a-z0-9_]*)\}|([a-z][a-z0-9_]*)|\$)")
ENTRIES: Final = ("ladders", "segments", "rules")


def load_template(template: Template, given: Values[str, Node] | None = None) -> LoadResult:
    """The template's rule set with these values, or what is wrong with it."""
    return load_roots(lambda report: _root(template, given or {}, report), (template.source,))


def _root(template: Template, given: Values[str, Node], report: Report) -> list[Node]:
    root = fill(template, given, report)
    return [] if root is None else [root]


def fill(template: Template, given: Values[str, Node], report: Report) -> Mapping | None:
    """The rules with every parameter put in; None, with findings, where one is missing or unknown."""
    values = chosen(template, given, report)
    filler = _Filler(values, tuple(template.parameters))
    filled = report.tried(filler.mapping, template.rules)
    for name in template.parameters.keys() - filler.used if filled is not None else ():
        report.add(
            "unused_parameter",
            template.parameters[name].place,
            f"the parameter {quoted(name)} is never used",
            f"write ${name} where its value belongs, or remove it",
        )
    if filled is None or report.refused:
        return None
    return Mapping(tuple(Pair(key, _about(key.text, value, template)) for key, value in filled.pairs), filled.place)


def chosen(template: Template, given: Values[str, Node], report: Report) -> dict[str, Node]:
    """The value of each parameter: the given one, else its default."""
    for name, node in given.items():
        if name not in template.parameters:
            names = tuple(template.parameters)
            hint = did_you_mean(name, names, otherwise=f"its parameters are: {', '.join(names) or 'none'}")
            message = f"the template {template.id} has no parameter {quoted(name)}"
            report.add("unknown_parameter", node.place, message, hint)
    values: dict[str, Node] = {}
    for name, parameter in template.parameters.items():
        value = given.get(name, parameter.default)
        if value is None:
            message = f"the parameter {quoted(name)} of {template.id} has no value: {parameter.what}"
            report.add("missing_parameter", parameter.place, message, f"give one: --set {name}=VALUE")
        else:
            values[name] = value
    return values


@dataclass(slots=True)
class _Filler:
    """Walks the nodes; a parameter that has no value is known all the same, and told elsewhere."""

    values: dict[str, Node]
    known: tuple[str, ...]
    used: set[str]

    def __init__(self, values: dict[str, Node], known: tuple[str, ...]) -> None:
        self.values, self.known, self.used = values, known, set()

    def node(self, node: Node) -> Node:
        match node:
            case Mapping():
                return self.mapping(node)
            case Items():
                return Items(tuple(map(self.node, node.items)), node.place)
            case Scalar():
                return self.scalar(node)

    def mapping(self, node: Mapping) -> Mapping:
        return Mapping(tuple(Pair(self.key(key), self.node(value)) for key, value in node.pairs), node.place)

    def key(self, key: Scalar) -> Scalar:
        return replace(key, text=self.text(key)) if "$" in key.text else key

    def scalar(self, node: Scalar) -> Node:
        if "$" not in node.text:
            return node
        whole = REFERENCE.fullmatch(node.text)
        name = whole and (whole[1] or whole[2])
        if name:
            return _placed(self.value(name, node), node)
        return replace(node, text=self.text(node))

    def value(self, name: str, node: Scalar) -> Node:
        """The value of a parameter named in this text."""
        if name not in self.known:
            hint = did_you_mean(name, self.known, otherwise=f"declare it under parameters:, or write $${name}")
            raise Refused("unknown_parameter", node.place, f"there is no parameter {quoted(name)}", hint)
        self.used.add(name)
        return self.values.get(name, Scalar("0", node.place))

    def text(self, node: Scalar) -> str:
        return REFERENCE.sub(lambda found: self._piece(found, node), node.text)

    def _piece(self, found: re.Match[str], node: Scalar) -> str:
        name = found[1] or found[2]
        if not name:
            return "$"
        value = self.value(name, node)
        if isinstance(value, Scalar):
            return value.text
        raise Refused(
            "wrong_shape",
            node.place,
            f"the parameter {quoted(name)} is a list or a mapping, here stands a text",
            f"give it a single value, or write ${name} alone",
        )


def _placed(value: Node, where: Scalar) -> Node:
    """The value as if it had been written there."""
    return replace(value, place=where.place)


def _about(section: str, node: Node, template: Template) -> Node:
    if section not in ENTRIES or not isinstance(node, Items):
        return node
    return Items(tuple(_entry(item, template) for item in node.items), node.place)


def _entry(node: Node, template: Template) -> Node:
    if not isinstance(node, Mapping):
        return node
    more = tuple(Pair(Scalar(key, node.place), Scalar(text, node.place)) for key, text in inherited(node, template))
    return Mapping((*node.pairs, *more), node.place)


def inherited(entry: Mapping, template: Template) -> Iterator[tuple[str, str]]:
    """What the entry does not say of itself and takes from the template."""
    for key in ABOUT:
        if entry.get(key) is None:
            yield key, getattr(template, key)

"""A template as the text of a rule file of its own: comments and layout kept, values filled in, cases left out."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from headrace.rules.findings import Report
from headrace.rules.yaml_source import Items, Mapping, Node, Scalar, compose
from headrace.templates.fill import ENTRIES, fill, inherited
from headrace.templates.read import CASES, TEMPLATE, Template

_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .@/+-]*(?<! )")
_WORDS: Final = ("~", "null", "true", "false")


@dataclass(frozen=True, slots=True)
class Edit:
    """Characters of the source, and what stands there instead."""

    start: int
    end: int
    text: str


def write_template(
    template: Template, values: dict[str, Node], *, left_out: Collection[str] = (), groups: Collection[str] = ()
) -> str:
    """The text of a rule file, with values that `load_template` takes.

    `left_out`: top-level keys that other files of the folder already give; `groups`: groups they already declare.
    """
    filled = fill(template, values, Report())
    assert filled is not None, "values that the template does not take"
    left_out = {*left_out, TEMPLATE, CASES}
    source = template.source.text
    root: Any = yaml.compose(source, Loader=yaml.SafeLoader)
    edits = list(_edits(root, template, filled, left_out, groups, end=len(source)))
    text = _applied(source, edits).strip("\n") + "\n"
    store = filled.get("store")
    own_store = any(key.value == "store" for key, _ in root.value)
    begin = "" if own_store or "store" in left_out or store is None else f"store: {flow(store)}\n"
    return f"# {template.title} (from the template {template.id})\n{begin}{text}"


def flow(node: Node) -> str:
    """A node on one line, as YAML that reads back the same."""
    match node:
        case Mapping():
            return "{" + ", ".join(f"{flow(key)}: {flow(value)}" for key, value in node.pairs) + "}"
        case Items():
            return "[" + ", ".join(map(flow, node.items)) + "]"
        case Scalar(text=text, quoted=quoted):
            bare = _PLAIN.fullmatch(text) and not (quoted and text in _WORDS)
            return text if bare else json.dumps(text, ensure_ascii=False)


def _edits(
    root: Any, template: Template, filled: Mapping, left_out: Collection[str], groups: Collection[str], *, end: int
) -> Iterator[Edit]:
    starts = [key.start_mark.index for key, _ in root.value]
    for (key, value), start, stop in zip(root.value, starts, [*starts[1:], end], strict=True):
        node = filled.get(key.value)
        if key.value in left_out or node is None:
            yield Edit(start, stop, "")
        elif key.value == "groups" and groups:
            yield Edit(start, stop, _groups(node, groups))
        else:
            before = template.rules.get(key.value)
            assert before is not None
            yield from _values(value, before, node)
            if key.value in ENTRIES:
                yield from _about(value, before, template)


def _groups(node: Node, known: Collection[str]) -> str:
    """Those groups that are not declared elsewhere."""
    assert isinstance(node, Items)
    missing = [item for item in node.items if isinstance(item, Mapping) and _name(item) not in known]
    return "".join(["groups:\n", *(f"  - {flow(item)}\n" for item in missing)]) if missing else ""


def _name(group: Mapping) -> str:
    name = group.get("name")
    return name.text if isinstance(name, Scalar) else ""


def _values(written: Any, before: Node, after: Node) -> Iterator[Edit]:
    """An edit for each single value that a parameter changed; the three trees have the same shape down to there."""
    if isinstance(before, Scalar):
        if before != after:
            yield Edit(written.start_mark.index, written.end_mark.index, flow(after))
    elif isinstance(before, Items):
        assert isinstance(after, Items)
        for each in zip(written.value, before.items, after.items, strict=True):
            yield from _values(*each)
    else:
        assert isinstance(after, Mapping)
        for (key, value), was, now in zip(written.value, before.pairs, after.pairs, strict=False):
            yield from _values(key, was.key, now.key)
            yield from _values(value, was.value, now.value)


def _about(written: Any, before: Node, template: Template) -> Iterator[Edit]:
    """Goal, owner and review date behind the id of each entry."""
    assert isinstance(before, Items)
    for entry, node in zip(written.value, before.items, strict=True):
        if not isinstance(node, Mapping):
            continue
        for key, value in entry.value:
            if key.value == "id":
                margin = ", " if entry.flow_style else "\n" + " " * key.start_mark.column
                said = "".join(f"{margin}{name}: {_said(text)}" for name, text in inherited(node, template))
                yield Edit(value.end_mark.index, value.end_mark.index, said)


def _said(text: str) -> str:
    report = Report()
    read = compose(f"a: {{b: {text}}}", "", report)
    same = isinstance(read, Mapping) and _inner_text(read) == text
    return text if same else json.dumps(text, ensure_ascii=False)


def _inner_text(node: Mapping) -> str | None:
    """The single value inside `a: {b: ...}`, if that is what it reads as."""
    inner = node.get("a")
    value = inner.get("b") if isinstance(inner, Mapping) and len(inner.pairs) == 1 else None
    return value.text if isinstance(value, Scalar) else None


def _applied(source: str, edits: list[Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.start, reverse=True):
        source = source[: edit.start] + edit.text + source[edit.end :]
    return source

"""YAML text into nodes that keep their place and the scalars' source text; nothing is interpreted here.

What YAML would make of `NO` or `02134` never happens: readers in `scalars.py` decide by the field's type.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import yaml

from headrace.rules.findings import Place, Refused, Report, quoted

MAX_DEPTH: Final = 100
"""Nested lists and mappings: about forty levels of conditions."""
MAX_VALUES: Final = 200_000
"""Values of one file, each alias counted as all it stands for."""
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value: its text as written, without quotes. An unquoted empty one is a key without a value."""

    text: str
    place: Place
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple["Node", ...]
    place: Place


class Pair(NamedTuple):
    """A key and its value."""

    key: Scalar
    value: "Node"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; no key comes twice."""

    pairs: tuple[Pair, ...]
    place: Place

    def get(self, key: str) -> "Node | None":
        """The value of a key, if it is there."""
        return next((pair.value for pair in self.pairs if pair.key.text == key), None)


Node = Scalar | Items | Mapping


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    place: Place
    is_mapping: bool
    anchor: str | None
    children: list[Node] = field(default_factory=list)


class _Builder:
    """Folds parser events into nodes without recursion, counting as it goes."""

    def __init__(self, file: str, report: Report) -> None:
        self._file, self._report = file, report
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0
        self._starts: list[int] = []
        self.root: Node | None = None

    def place(self, mark: Any) -> Place:
        """The place of a parser's mark, which counts from 0."""
        return Place(self._file, mark.line + 1, mark.column + 1)

    def take(self, event: Any) -> None:
        """Apply one event; raises `Refused` where reading must stop."""
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event)
            self._count(1, event)
            self._add(Scalar(event.value, self.place(event.start_mark), bool(event.style)), event.anchor, 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise Refused(
                "yaml_feature",
                self.place(event.start_mark),
                "a second document starts here",
                "one file is one document: remove the line `---`, or make two files in one folder",
            )

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            raise Refused(
                "yaml_feature",
                self.place(event.start_mark),
                f"the YAML tag {quoted(event.tag)} has no meaning in a rule file",
                "write the value alone; values are read by their field's type",
            )

    def _count(self, values: int, event: Any) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise Refused(
                "too_large",
                self.place(event.start_mark),
                f"more than {MAX_VALUES:,} values in one file (aliases counted in full)",
                "split the file, or write lists once without aliases of aliases",
            )

    def _start(self, event: Any) -> None:
        self._refuse_tag(event)
        self._count(1, event)
        if len(self._open) >= MAX_DEPTH:
            raise Refused(
                "too_deep",
                self.place(event.start_mark),
                f"nested deeper than {MAX_DEPTH} levels",
                "flatten the condition: a list under one `all:` or `any:` needs no nesting",
            )
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._open.append(_Open(self.place(event.start_mark), is_mapping, event.anchor))
        self._starts.append(self._values)

    def _end(self) -> None:
        done = self._open.pop()
        size = self._values - self._starts.pop() + 1
        node = self._mapping(done) if done.is_mapping else Items(tuple(done.children), done.place)
        self._add(node, done.anchor, size)

    def _alias(self, event: Any) -> None:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise Refused(
                "yaml_syntax",
                self.place(event.start_mark),
                f"nothing complete is called &{event.anchor} before this place",
                "write the value itself here",
            )
        node, size = known
        self._count(size, event)
        self._refuse_depth_of(node, event)
        self._add(node, None, size)

    def _refuse_depth_of(self, node: Node, event: Any) -> None:
        if len(self._open) + _depth(node) > MAX_DEPTH:
            raise Refused(
                "too_deep",
                self.place(event.start_mark),
                f"nested deeper than {MAX_DEPTH} levels by this alias",
                "write the value itself, flatter",
            )

    def _mapping(self, done: _Open) -> Mapping:
        pairs: dict[str, Pair] = {}
        for key, value in zip(done.children[::2], done.children[1::2], strict=True):
            pair = self._report.tried(_pair, key, value, pairs)
            if pair is not None:
                pairs[pair.key.text] = pair
        return Mapping(tuple(pairs.values()), done.place)

    def _add(self, node: Node, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node


def _pair(key: Node, value: Node, before: dict[str, Pair]) -> Pair:
    if not isinstance(key, Scalar):
        raise Refused("yaml_feature", key.place, "a key is a single word", "write `key: value`")
    if key.text == "<<" and not key.quoted:
        raise Refused(
            "yaml_feature",
            key.place,
            "merge keys are not read",
            "write the merged keys out, or use an alias as a value",
        )
    if key.text in before:
        first = before[key.text].key.place
        raise Refused(
            "duplicate_key",
            key.place,
            f"the key {quoted(key.text)} is already in line {first.line}",
            "keep one of the two; several tests go into a list under `all:`",
        )
    return Pair(key, value)


def _depth(node: Node) -> int:
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in _children(parent)]
        if deepest > MAX_DEPTH:
            break
    return deepest - 1


def _children(node: Node) -> Iterator[Node]:
    if isinstance(node, Items):
        yield from node.items
    elif isinstance(node, Mapping):
        yield from (pair.value for pair in node.pairs)


def compose(text: str, file: str, report: Report) -> Node | None:
    """The document of one file; None when it is empty or, with a finding, when it cannot be read.

    A duplicate key is recorded and the first one kept, so that one reading shows all that is wrong.
    """
    builder = _Builder(file, report)
    try:
        _fold(text, builder)
    except Refused as refused:
        report.add(refused.code, refused.place, refused.message, refused.hint)
        return None
    except yaml.MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        place = builder.place(mark) if mark is not None else Place(file, 1, 1)
        report.add("yaml_syntax", place, _problem(error), _syntax_hint(text, error, place))
        return None
    except (yaml.YAMLError, UnicodeError, ValueError) as error:
        report.add("yaml_syntax", Place(file, 1, 1), *_unreadable(error))
        return None
    return builder.root


def _fold(text: str, builder: _Builder) -> None:
    loader = _LOADER(text)
    try:
        while loader.check_event():
            builder.take(loader.get_event())
    finally:
        loader.dispose()


def _unreadable(error: Exception) -> tuple[str, str]:
    what = str(getattr(error, "reason", "") or error).splitlines()[0] or "unreadable text"
    return f"not YAML text: {what}", "remove control characters; save the file as plain UTF-8 text"


def _problem(error: yaml.MarkedYAMLError) -> str:
    context = f"{error.context}: " if error.context else ""
    return f"not YAML: {context}{error.problem or 'unreadable'}"


def _syntax_hint(text: str, error: yaml.MarkedYAMLError, place: Place) -> str:
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    problem = f"{error.context or ''} {error.problem or ''}"
    if "\t" in line[: len(line) - len(line.lstrip())] or "\\t" in problem or "tab" in problem:
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in problem:
        return "put text that contains ': ' in quotes, and check that the line above is indented alike"
    if "flow" in problem:
        return "close the bracket: every [ needs a ] and every { a }, with commas between"
    if "quoted scalar" in problem:
        return "close the quotation mark"
    if "cannot start any token" in problem:
        return "put text that starts with @, ` or % in quotes"
    return "check indentation, colons and quotes around here: `key: value`, lists as `- item`"

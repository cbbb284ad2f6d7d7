"""A template from its YAML: what it says of itself, its parameters, its rules and its cases, still as nodes."""

from dataclasses import dataclass
from typing import Final

from headrace.rules import scalars
from headrace.rules.findings import Place, Refused, Report
from headrace.rules.load import Source
from headrace.rules.names import entry_id
from headrace.rules.reading import each, keys, mapping
from headrace.rules.yaml_source import Items, Mapping, Node, Pair, Scalar, compose

TEMPLATE: Final = "template"
CASES: Final = "cases"
KINDS: Final = ("segment", "ladder", "rule", "mixed")
KEYS: Final = ("id", "title", "kind", "wishes", "goal", "owner", "review_by", "parameters")
MAX_GOAL: Final = 2_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a store chooses; without a `default` it must be given."""

    name: str
    what: str
    default: Node | None
    place: Place


@dataclass(frozen=True, slots=True)
class Template:
    """`rules`: the rest of the file as a rule file has it, `$names` not filled in; `cases`: for the default values."""

    id: str
    title: str
    kind: str
    wishes: tuple[str, ...]
    goal: str
    owner: str
    review_by: str
    parameters: dict[str, Parameter]
    rules: Mapping
    cases: Node
    source: Source

    @property
    def cases_count(self) -> int:
        """How many golden cases it has."""
        return len(self.cases.items) if isinstance(self.cases, Items) else 0


def is_template(root: Node | None) -> bool:
    """Whether a document is a template."""
    return isinstance(root, Mapping) and root.get(TEMPLATE) is not None


def read_template(source: Source, report: Report) -> Template | None:
    """The template of one file; None, with findings, when it is none."""
    root = compose(source.text, source.file, report)
    if root is None or report.refused:
        return None
    return report.tried(_template, root, source, report)


def _template(root: Node, source: Source, report: Report) -> Template | None:
    node = mapping(root, "a template file").get(TEMPLATE)
    if node is None:
        raise Refused("missing_key", root.place, "this file has no template:", "begin it with template: {id: ...}")
    found = keys(node, "a template", report, known=KEYS)
    missing = [key for key in KEYS if key not in found and key != "parameters"]
    if missing:
        raise Refused("missing_key", node.place, f"this template has no {missing[0]}", f"add {missing[0]}:")
    assert isinstance(root, Mapping)
    rules = Mapping(tuple(pair for pair in root.pairs if pair.key.text not in (TEMPLATE, CASES)), root.place)
    parameters = _parameters(found.get("parameters"), report)
    if rules.get("store") is None:
        rules, parameters = _with_store(rules), _STORE | parameters
    return Template(
        id=entry_id(found["id"]),
        title=scalars.text(found["title"], "title"),
        kind=scalars.choice(found["kind"], "kind", KINDS),
        wishes=each(found["wishes"], "wishes", "[S58]", report, lambda item: scalars.text(item, "a wish")),
        goal=scalars.text(found["goal"], "goal", limit=MAX_GOAL),
        owner=scalars.text(found["owner"], "owner"),
        review_by=scalars.day(found["review_by"], "review_by"),
        parameters=parameters,
        rules=rules,
        cases=root.get(CASES) or Items((), root.place),
        source=source,
    )


def _parameters(node: Node | None, report: Report) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for key, value in () if node is None else mapping(node, "parameters").pairs:
        parts = keys(value, f"the parameter {key.text}", report, known=("default", "what"))
        if "what" not in parts:
            raise Refused("missing_key", value.place, f"the parameter {key.text} has no what", "add what: in a line")
        what = scalars.text(parts["what"], "what")
        found[key.text] = Parameter(key.text, what, parts.get("default"), key.place)
    return found


_HERE: Final = Place("", 1, 1)


def _scalar(text: str) -> Scalar:
    return Scalar(text, _HERE)


_STORE: Final = {
    "timezone": Parameter("timezone", "the store's time zone, of the IANA list", _scalar("America/New_York"), _HERE),
    "currency": Parameter("currency", "the store's currency, of ISO 4217", _scalar("USD"), _HERE),
}
"""What every template has that does not say `store:` itself."""


def _with_store(rules: Mapping) -> Mapping:
    store = Mapping(tuple(Pair(_scalar(name), _scalar(f"${name}")) for name in _STORE), _HERE)
    return Mapping((Pair(_scalar("store"), store), *rules.pairs), rules.place)

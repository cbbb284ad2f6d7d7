"""Fills the tables of the pages in `PAGES`: `python -m docs.generate [--write]`.

What the pages say around their tables is written by hand; the tables of `rules.md` are `headrace.rules.reference`'s.
"""

import argparse
import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from headrace.consumer.guard_settings import GuardSettings
from headrace.consumer.sdk import ConsumerSettings
from headrace.contracts import topics
from headrace.golden.model import StepKind
from headrace.golden.words import DOCS, EXPECTATIONS, STEPS
from headrace.runtime import catalogue
from headrace.runtime.settings import ServiceSettings, variable
from headrace.templates.library import library
from services.actions.effects.settings import EffectsSettings
from services.actions.settings import (
    GroupSettings,
    KlaviyoSettings,
    MailchimpSettings,
    OmnisendSettings,
    SendGridSettings,
)
from services.attributes.settings import AttributesSettings
from services.evaluator.engine import cures
from services.evaluator.settings import EvaluatorSettings
from services.ingest.importing.columns import ATTRIBUTE, ATTRIBUTE_DOC, COLUMNS
from services.ingest.settings import (
    ClockSettings,
    FeedSettings,
    HydrateSettings,
    ReceiveSettings,
    SuppressionSettings,
)

FOLDER: Final = Path(__file__).resolve().parent
PAGES: Final = ("settings.md", "operations.md", "engine.md", "templates.md", "import.md")
_BLOCK: Final = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_EVENT: Final = re.compile(r'^    "(?P<name>[a-z_.]+)",(?:  # (?P<doc>.+))?$|^    # (?P<section>.+)$', re.MULTILINE)
_PROOF: Final = re.compile(r'^    "([a-z_]+)": \((\w+), "', re.MULTILINE)
_UNITS: Final[Mapping[str, str]] = {
    "_s": "s",
    "_minutes": "min",
    "_ms": "ms",
    "_records": "records",
    "_orders": "resources",
    "_limit": "notices",
    "_share": "0 to 1",
    "_weight": "0 to 1",
    "_rate": "1/s",
}
_DEFAULTS: Final[Mapping[str, str]] = {"cache_dir": "`~/.cache/headrace`"}

PROCESSES: Final[Mapping[str, type[BaseSettings]]] = {
    "receive": ReceiveSettings,
    "hydrate": HydrateSettings,
    "feed": FeedSettings,
    "clock": ClockSettings,
    "suppressions": SuppressionSettings,
    "evaluator": EvaluatorSettings,
    "group": GroupSettings,
    "email-tags": MailchimpSettings,
    "email-tags-klaviyo": KlaviyoSettings,
    "email-tags-omnisend": OmnisendSettings,
    "email-tags-sendgrid": SendGridSettings,
    "effects": EffectsSettings,
    "attributes": AttributesSettings,
    "consume": ConsumerSettings,
}


def filled(page: str) -> str:
    """The page with every `<!-- table: NAME -->` block made anew. Raises KeyError for an unknown name."""
    return _BLOCK.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[3]}", page)


def docs_of(cls: type[BaseSettings]) -> dict[str, str]:
    """Field -> the text that stands below it, of this class and those it inherits from."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if issubclass(each, BaseSettings) and each is not BaseSettings:
            found |= dict(_documented(each))
    return found


def log_events() -> Iterator[tuple[str, str, str]]:
    """(who writes it, name, meaning) in the order of the catalogue, from its comments."""
    source = inspect.getsource(catalogue)
    yield from _listed(source[source.index("LogEvent = ") : source.index("MetricName = ")])


def all_cures() -> Iterator[tuple[str, str, str]]:
    """(what it is about, name, what goes wrong without it) in the order of the catalogue, from its comments."""
    source = inspect.getsource(cures)
    yield from _listed(source[source.index("Cure = ") : source.index("NAMES")])


def proofs() -> dict[str, list[str]]:
    """Cure -> where it is shown, as file: scenario."""
    found: dict[str, list[str]] = {}
    for path in sorted((FOLDER.parent / "tests/services/evaluator/engine").glob("test_cures_*.py")):
        for name, scenario in _PROOF.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, []).append(
                f"`{path.stem.removeprefix('test_cures_')}`: {scenario.replace('_', ' ')}"
            )
    return found


def _listed(source: str) -> Iterator[tuple[str, str, str]]:
    section = ""
    for match in _EVENT.finditer(source):
        section = match["section"] or section
        if match["name"]:
            yield section, match["name"], match["doc"] or ""


def _documented(cls: type) -> Iterator[tuple[str, str]]:
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            yield field.target.id, " ".join(ast.literal_eval(text.value).split())


def _settings(cls: type[BaseSettings], *, without: type[BaseSettings] | None = None) -> str:
    docs = docs_of(cls)
    known = without.model_fields.keys() if without else ()
    rows = [_field(name, info, docs[name]) for name, info in cls.model_fields.items() if name not in known]
    return _table(["variable", "field", "default", "unit", "what it is"], rows)


def _field(name: str, info: FieldInfo, doc: str) -> list[str]:
    secret = " Secret." if "SecretStr" in str(info.annotation) else ""
    choices = (
        f" One of {', '.join(f'`{one}`' for one in _choices(info.annotation))}." if _choices(info.annotation) else ""
    )
    return [f"`{variable(name)}`", f"`{name}`", _default(name, info), _unit(name), f"{doc}{choices}{secret}"]


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(one) for one in get_args(annotation)]
    return [choice for part in get_args(annotation) for choice in _choices(part)]


def _default(name: str, info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    if name in _DEFAULTS:
        return _DEFAULTS[name]
    value: Any = info.default
    if value is None:
        return "none"
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value == "":
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _metrics() -> str:
    rows = [
        [f"`{name}`", metric.kind, ", ".join(f"`{label}`" for label in metric.labels), metric.doc]
        for name, metric in catalogue.METRICS.items()
    ]
    return _table(["metric", "kind", "labels", "what it counts"], rows)


def _log_events() -> str:
    return _table(["from", "event", "when"], [[section, f"`{name}`", doc] for section, name, doc in log_events()])


def _cures() -> str:
    shown = proofs()
    rows = [[section, f"`{name}`", doc, "; ".join(shown.get(name, ()))] for section, name, doc in all_cures()]
    return _table(["about", "cure", "without it", "shown by"], rows)


def _topics() -> str:
    rows = [
        [f"`{topics.DEFAULT_PREFIX}{row.name}`", row.cleanup, _kept(row), "1" if row.one_partition else "as asked"]
        for row in topics.table()
    ]
    return _table(["topic", "cleanup", "kept", "partitions"], rows)


def _kept(row: topics.Topic) -> str:
    if row.cleanup == "compact":
        return "the newest of each key"
    return "for ever" if row.retention_ms < 0 else f"{row.retention_ms // topics.DAY_MS} days"


def _steps() -> str:
    rows = [[f"`{kind}`", doc, ", ".join(f"`{key}`" for key in _step_keys(kind))] for kind, doc in DOCS.items()]
    return _table(["step", "what happens", "its keys"], rows)


def _step_keys(kind: StepKind) -> list[str]:
    return [] if kind == "expect" else list(STEPS[kind])


def _expectations() -> str:
    return _table(["key", "what must be so"], [[f"`{key}`", doc] for key, doc in EXPECTATIONS.items()])


def _templates() -> str:
    rows = [[f"`{each.id}`", each.kind, each.title, each.goal, str(each.cases_count)] for each in library().values()]
    return _table(["template", "kind", "what it makes", "what for", "cases"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _columns() -> str:
    rows = [
        [f"`{name}`", each.doc, f"`{each.example}`", ", ".join(f"`{alias}`" for alias in each.aliases)]
        for name, each in COLUMNS.items()
    ]
    rows.append([f"`{ATTRIBUTE}NAME`", ATTRIBUTE_DOC, "`Bakery|Hotel`", ""])
    return _table(["column", "what it holds", "example", "also written"], rows)


def _process(cls: type[BaseSettings]) -> Callable[[], str]:
    """`effects` has a guard of its own: that of groups and tags does nothing there."""
    return lambda: _settings(cls, without=GuardSettings if cls is EffectsSettings else ServiceSettings)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "every": lambda: _settings(ServiceSettings),
    **{name: _process(cls) for name, cls in PROCESSES.items()},
    "metrics": _metrics,
    "log-events": _log_events,
    "topics": _topics,
    "cures": _cures,
    "steps": _steps,
    "expectations": _expectations,
    "templates": _templates,
    "columns": _columns,
}


def main(arguments: list[str] | None = None) -> int:
    """Exit 1 when a page is not as the code says, unless it was written."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate")
    parser.add_argument("--write", action="store_true", help="write what differs")
    options = parser.parse_args(arguments)
    differs = False
    for name in PAGES:
        path = FOLDER / name
        page = path.read_text(encoding="utf-8")
        if page == filled(page):
            continue
        differs = True
        if options.write:
            path.write_text(filled(page), encoding="utf-8")
        print(f"{'written' if options.write else 'differs'}: docs/{name}", file=sys.stderr)  # noqa: T201 - its only output
    return 1 if differs and not options.write else 0


if __name__ == "__main__":
    sys.exit(main())

"""`headrace test PATH...`: golden cases played by the rules they stand beside; which rules those are is said here.

A `*.test.yaml` file names its rules (`rules:`) or is about those of its folder; a template has both in one file.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from headrace.cli.finding_text import render_findings
from headrace.cli.lint import as_objects
from headrace.cli.output import EXIT_FINDINGS, CliError, JsonOption, emit
from headrace.golden.model import Failure
from headrace.golden.suite import Outcome, run_suite
from headrace.rules.findings import Finding, Refused, Report
from headrace.rules.load import SUFFIXES, TESTS, LoadResult, Source, load_rule_set, load_texts, read_sources
from headrace.rules.reading import keys
from headrace.rules.scalars import scalar
from headrace.rules.yaml_source import Items, Node, Scalar, compose
from headrace.templates.fill import load_template
from headrace.templates.read import is_template, read_template

PathsArgument = Annotated[
    list[Path],
    typer.Argument(exists=True, metavar="PATH...", help="Files of cases (*.test.yaml), templates, or folders of them."),
]
_TEMPLATE: Final = re.compile("^template:", re.MULTILINE)
_HINT: Final = (
    "write the cases into rules.test.yaml beside the rules: cases: [{name: ..., history: [...], expect: ...}]"
)


@dataclass(frozen=True, slots=True)
class Played:
    """One file of cases and what came of it."""

    file: Path
    outcome: Outcome
    sources: tuple[Source, ...]


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("test")(play)


def play(paths: PathsArgument, json: JsonOption = False) -> None:
    """Play golden cases: a customer's history in, memberships and effects out. Exit 1 when one is not as expected."""
    played = [one for path in paths for file in _files(path) if (one := play_file(file)) is not None]
    if not played:
        raise CliError("no_cases", f"no golden cases in {', '.join(map(str, paths))}", hint=_HINT)
    ok = all(each.outcome.ok for each in played)
    result = {
        "ok": ok,
        "passed": sum(each.outcome.passed for each in played),
        "failed": [_failed(failure) for each in played for failure in each.outcome.failures],
        "findings": as_objects(tuple(finding for each in played for finding in each.outcome.findings)),
    }
    emit(result, json, lambda _: "\n".join(_lines(played)))
    if not ok:
        raise typer.Exit(EXIT_FINDINGS)


def _files(path: Path) -> list[Path]:
    """The files of a folder and those below it that may have cases; a rule file's are those beside it."""
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and not file.name.startswith("."))
    beside = path.with_name(f"{path.stem}{TESTS}{path.suffix}")
    return [beside] if beside.is_file() else [path]


def play_file(file: Path, *, twice: bool = False) -> Played | None:
    """Plays the cases of one file; None when it has none. `twice`: every event is delivered twice."""
    report = Report()
    sources = tuple(read_sources([file], report))
    if Path(file.stem).suffix != TESTS and not (sources and _TEMPLATE.search(sources[0].text)):
        return None
    root = compose(sources[0].text, sources[0].file, report) if sources else None
    if root is None or report.refused:
        return Played(file, Outcome(0, (), report.sorted()), sources) if report.refused else None
    if is_template(root):
        return _play_template(file, sources[0], twice=twice)
    found = report.tried(_of_test_file, root, report)
    if found is None or report.refused:
        return Played(file, Outcome(0, (), report.sorted()), sources)
    cases, rules = found
    if isinstance(rules, Scalar) and not rules.text and rules.quoted:  # until a step brings some
        return Played(file, run_suite(None, cases, twice=twice), sources)
    loaded = report.tried(_rules, rules, file) if rules is not None else load_rule_set([file.parent])
    if loaded is None:
        return Played(file, Outcome(0, (), report.sorted()), sources)
    return Played(file, run_suite(loaded, cases, twice=twice), (*sources, *loaded.sources))


def _play_template(file: Path, source: Source, *, twice: bool) -> Played:
    report = Report()
    template = read_template(source, report)
    if template is None or report.refused:
        return Played(file, Outcome(0, (), report.sorted()), (source,))
    return Played(file, run_suite(load_template(template), template.cases, twice=twice), (source,))


def _of_test_file(root: Node, report: Report) -> tuple[Node, Node | None]:
    found = keys(root, "a file of cases", report, known=("rules", "cases"))
    if "cases" not in found:
        raise Refused("missing_key", root.place, "this file has no cases", "add cases: [{name: ..., expect: ...}]")
    return found["cases"], found.get("rules")


def _rules(node: Node, file: Path) -> LoadResult:
    """The rules a file of cases names: paths from where it is, or written out in it as a text of several lines."""
    if isinstance(node, Scalar) and "\n" in node.text:
        return load_texts([Source(f"{file}: rules", node.text)])
    named = node.items if isinstance(node, Items) else (node,)
    paths = []
    for each in named:
        path = file.parent / scalar(each, "rules").text
        if not path.exists():
            raise Refused("file_unreadable", each.place, f"there is no {path}", "name it as seen from this file")
        paths.append(path)
    return load_rule_set(paths)


def _failed(failure: Failure) -> dict[str, Any]:
    place = failure.place
    where = {"file": place.file, "line": place.line}
    found = {"case": failure.case, "expected": failure.expected, "actual": failure.actual}
    return {**found, "why": list(failure.why), **where}


def _lines(played: Sequence[Played]) -> Iterator[str]:
    failures = [failure for each in played for failure in each.outcome.failures]
    for failure in failures:
        yield f"{failure.place.file}:{failure.place.line}: {failure.case}"
        for name in failure.expected:
            yield f"  {name}: expected {_short(failure.expected[name])}, found {_short(_found(failure, name))}"
        yield from (f"    {line}" for line in failure.why)
    findings: list[Finding] = [finding for each in played for finding in each.outcome.findings]
    if findings:
        yield render_findings(findings, [source for each in played for source in each.sources], color=False)
    passed = sum(each.outcome.passed for each in played)
    yield f"{passed} passed, {len({(f.case, f.place.file) for f in failures})} failed"


def _found(failure: Failure, name: str) -> Any:
    if name == "not":
        return {key: failure.actual[key] for key in failure.expected["not"]}
    return failure.actual[name]


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_short(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_short, value)) + "]"
    return {None: "untouched", "": "none"}.get(value, str(value))

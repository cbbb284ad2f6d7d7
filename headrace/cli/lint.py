"""`headrace lint PATH...`: what is wrong with rule files, and what to write instead.

The checks are `headrace.rules`; nothing outside the files is looked at.
"""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.finding_text import render_findings
from headrace.cli.output import EXIT_FINDINGS, JsonOption, emit
from headrace.cli.own_consumers import own_consumers
from headrace.rules.findings import Finding
from headrace.rules.load import LoadResult, load_rule_set

PathsArgument = Annotated[
    list[Path],
    typer.Argument(exists=True, metavar="PATH...", help="Rule files, or folders of them; each PATH is one rule set."),
]


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("lint")(lint)


def lint(paths: PathsArgument, json: JsonOption = False) -> None:
    """Check rule files. Exit 1 on errors and warnings, 0 when there are only infos, or nothing."""
    today = datetime.now(UTC).date()
    results = [load_rule_set([path], today=today, consumers=own_consumers()) for path in paths]
    findings = tuple(finding for result in results for finding in result.findings)
    ok = not any(finding.severity in ("error", "warning") for finding in findings)
    emit({"ok": ok, "findings": as_objects(findings)}, json, lambda _: as_text(findings, results))
    if not ok:
        raise typer.Exit(EXIT_FINDINGS)


def as_objects(findings: tuple[Finding, ...]) -> list[dict[str, object]]:
    """Findings with the fields of `interface.md`."""
    return [{name: getattr(finding, name) for name in Finding.__struct_fields__} for finding in findings]


def as_text(findings: tuple[Finding, ...], results: list[LoadResult]) -> str:
    """Findings for people; in colour on a terminal that wants it."""
    sources = [source for result in results for source in result.sources]
    color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return render_findings(findings, sources, color=color)

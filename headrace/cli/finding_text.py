"""Findings as a person reads them: place, message, hint, and the line of the file with a mark under the spot.

What is found is `headrace.rules`' business.
"""

import io
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from headrace.rules.findings import Finding, Severity
from headrace.rules.load import Source

STYLES: Final[dict[Severity, str]] = {"error": "bold red", "warning": "bold yellow", "info": "bold blue"}
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_SHOWN: Final = 110
"""Characters of a line that are shown."""


def render_findings(findings: Sequence[Finding], sources: Sequence[Source], *, color: bool) -> str:
    """All findings, then how many of each severity."""
    lines = {source.file: _BREAK.split(source.text) for source in sources}
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=color, no_color=not color, width=10_000, highlight=False)
    for finding in findings:
        console.print(_finding(finding, lines.get(finding.file, [])), soft_wrap=True)
    console.print(_summary(findings))
    return buffer.getvalue().rstrip()


def _finding(finding: Finding, lines: Sequence[str]) -> Text:
    text = Text()
    text.append(f"{finding.file}:{finding.line}:{finding.column}: ", style="bold")
    text.append(finding.severity, style=STYLES[finding.severity])
    text.append(f"[{finding.code}]")
    if finding.id is not None:
        text.append(f" in {finding.id}")
    text.append(f": {finding.message}\n")
    if finding.line <= len(lines):
        text.append(_excerpt(lines[finding.line - 1], finding.line, finding.column))
    text.append("  hint: ", style="bold green")
    text.append(f"{finding.hint}\n")
    return text


def _excerpt(line: str, number: int, column: int) -> str:
    """The line and a caret below the column; of a long line, the part around it."""
    start = max(0, column - _SHOWN // 2) if len(line) > _SHOWN else 0
    shown = "".join(c if c.isprintable() else " " for c in line[start : start + _SHOWN])
    gutter = f"{number:>5} | "
    return f"{gutter}{shown}\n{' ' * (len(gutter) - 2)}| {' ' * (column - 1 - start)}^\n"


def _summary(findings: Sequence[Finding]) -> str:
    if not findings:
        return "no findings"
    counted = Counter(finding.severity for finding in findings)
    return ", ".join(
        f"{counted[severity]} {severity}{'s' if counted[severity] != 1 else ''}"
        for severity in STYLES
        if counted[severity]
    )

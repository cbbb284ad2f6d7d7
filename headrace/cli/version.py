"""`headrace version`: what is installed, and from which commit."""

import os
import subprocess
from pathlib import Path
from typing import Any, Final

import typer

from headrace import __version__
from headrace.cli.output import JsonOption, emit

SCHEMA_VERSION: Final = 1
"""Of the wire contracts as a whole: raised when a reader of the old ones could no longer read."""


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("version")(version)


def version(json: JsonOption = False) -> None:
    """Print the version, the commit and the version of the wire contracts."""
    emit({"version": __version__, "commit": _commit(), "schema_version": SCHEMA_VERSION}, json, _text)


def _text(found: dict[str, Any]) -> str:
    return f"headrace {found['version']} (commit {found['commit'] or 'unknown'}, contracts {found['schema_version']})"


def _commit() -> str | None:
    """HEADRACE_COMMIT (the image sets it), else the checkout's, else none."""
    if named := os.environ.get("HEADRACE_COMMIT"):
        return named
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None

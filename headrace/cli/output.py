"""How every verb speaks: one JSON object or a text on stdout, errors with code, message and hint.

What is said lives in the verbs.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any, Final

import typer

EXIT_FINDINGS: Final = 1
EXIT_USAGE: Final = 2
EXIT_UNAVAILABLE: Final = 3
EXIT_INTERRUPTED: Final = 130

JsonOption = Annotated[bool, typer.Option("--json", help="Exactly one JSON object on stdout; the rest on stderr.")]


class CliError(Exception):
    """Ends a verb: printed as text on stderr, or with --json as {"error": {...}} on stdout."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        exit_code: int = EXIT_USAGE,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
        self.file = file
        self.line = line
        self.column = column
        self.id = id

    def as_json(self) -> dict[str, Any]:
        """The object of `interface.md`."""
        names = ("code", "message", "file", "line", "column", "id", "hint")
        return {"error": {name: getattr(self, name) for name in names}}

    def as_text(self) -> str:
        """For people: where, what, and what to do."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"error: {place + ': ' if place else ''}{self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class _Stdout:
    """Whether this run has said its one object already."""

    used = False


def begin_output() -> None:
    """A run begins: it has said nothing yet."""
    _Stdout.used = False


def emit(obj: Any, json: bool, text: Callable[[Any], str] | None = None) -> None:
    """Prints a verb's result: as one line of JSON, or as `text` makes it. Dataclasses become objects."""
    _Stdout.used = True
    if json or text is None:
        print(as_line(obj), flush=True)
    elif rendered := text(obj):
        print(rendered, flush=True)


def show_error(error: CliError, *, json: bool) -> None:
    """Prints an error where it belongs; stdout keeps exactly one object."""
    if json and not _Stdout.used:
        print(as_line(error.as_json()), flush=True)
    else:
        print(error.as_text(), file=sys.stderr, flush=True)


def as_line(obj: Any) -> str:
    """One line of JSON; dates as RFC 3339."""
    return json.dumps(obj, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)

"""`headrace import FILE`: customers, ERP numbers, pins, attributes and past orders of a file into the log.

The work is ingest's (`python -m services.ingest import`).
"""

from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import typer

from headrace.cli.moments import moment
from headrace.cli.output import CliError, JsonOption, emit
from headrace.cli.running_kafka import use_running_kafka
from headrace.cli.service_child import ask_service

SHOWN: Final = 20


def register(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command("import")(import_file)


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or JSON Lines (.jsonl).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row; write nothing.")] = False,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write here, as CSV, what became of each row.")
    ] = None,
    map_: Annotated[
        list[str] | None, typer.Option("--map", metavar="HEADER=COLUMN", help="A header of the file's own; repeatable.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="UTF-8 without it; cp1252 for most files of Excel.")] = None,
    separator: Annotated[str | None, typer.Option(help="Between values; found out without it.")] = None,
    format_: Annotated[
        Literal["csv", "jsonl"] | None, typer.Option("--format", help="By the file's name without it.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the file was true; its own date without it.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Of times without an offset; that of the rules in force without it.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Of amounts without one; that of the rules in force without it.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Bring in what an ERP knows. No mail, coupon or webhook follows from it; the same file twice changes nothing.

    Exit 1: rows were refused; the others are in. Mend them and import the file again.
    """
    if not file.is_file():
        raise CliError("usage", f"{file}: there is no such file", hint="name a CSV or JSON Lines file")
    words = [str(file), *["--dry-run"] * dry_run]
    for option, value in (("--report", report), ("--encoding", encoding), ("--format", format_)):
        words += [] if value is None else [option, str(value)]
    words += [] if as_of is None else ["--as-of", moment("--as-of", as_of).isoformat()]
    words += [] if separator is None else [f"--separator={_separator(separator)}"]
    words += [] if timezone is None else ["--timezone", _timezone(timezone)]
    words += [] if currency is None else ["--currency", _currency(currency)]
    for each in map_ or []:
        words.append(f"--map={_mapped(each)}")
    use_running_kafka()
    found, code = ask_service("services.ingest", "import", *words)
    emit(found, json, _text)
    return code


def _mapped(text: str) -> str:
    header, equals, column = text.partition("=")
    if not (header.strip() and equals and column.strip()):
        raise CliError("usage", f"--map {text}: not HEADER=COLUMN", hint="write --map 'Debitor=customer'")
    return text


def _separator(text: str) -> str:
    found = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(text, text)
    if len(found) != 1 or found in '"\r\n':
        raise CliError("usage", f"--separator {text}: not one character", hint="write ; or , or tab")
    return found


def _timezone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError) as error:
        raise CliError(
            "usage", f"--timezone {text}: nobody knows it", hint="write one such as Europe/London"
        ) from error


def _currency(text: str) -> str:
    if len(text) != 3 or not text.isascii() or not text.isupper():
        raise CliError("usage", f"--currency {text}: not an ISO code", hint="write one such as GBP")
    return text


def _text(found: dict[str, Any]) -> str:
    said = "would be taken" if found["dry_run"] else "taken"
    lines = [f"{found['rows']} rows: {found['accepted']} {said}, {found['refused']} refused"]
    lines += [f"  {count} {kind}" for kind, count in found["events"].items()]
    if found["ignored_columns"]:
        lines.append(f"left out, as no column of an import: {', '.join(found['ignored_columns'])}")
    if found["rules_version"] is None and found["dry_run"]:
        lines.append("no rules were at hand: groups are not checked")
    for problem in found["problems"][:SHOWN]:
        what = f"{problem['column']} " if problem["column"] else ""
        lines.append(f"{found['file']}:{problem['line']}: error[{problem['code']}]: {what}{problem['message']}")
        lines.append(f"  hint: {problem['hint']}")
    if (more := found["refused"] - SHOWN) > 0:
        where = f": all are in {found['report']}" if found["report"] else ": --report FILE writes them all"
        lines.append(f"and {more} more{where}")
    return "\n".join(lines)

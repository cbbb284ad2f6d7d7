"""A file as rows of cells, one at a time: CSV with any usual separator, or JSON Lines.

What the cells say is in `facts`. Encodings other than UTF-8 must be named: a wrong guess would spoil names silently.
"""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from services.ingest.importing.columns import ATTRIBUTE, BadHeader, Header, field_of, read_header

Format = Literal["csv", "jsonl"]
_SEPARATORS: Final = ";\t|,"
_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_JSON_ENDINGS: Final = (".jsonl", ".ndjson", ".json")
LINE_LIMIT: Final = 1_000_000


class Unreadable(Exception):  # reads as the fact it states
    """The file cannot be read at all, or no further. `line`: where, 0 = nowhere in particular."""

    def __init__(self, code: str, message: str, hint: str, line: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
        self.line = line


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number from 1, the line it begins in, what stands in its cells, stripped, by field.

    `problem`: why it is no row of this file. `lines`: of JSON, the order's lines.
    """

    number: int
    line: int
    cells: Mapping[str, str]
    problem: tuple[str, str, str] | None = None
    """Code, message, hint."""
    lines: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class How:
    """How the file is to be read; None: found out."""

    encoding: str | None = None
    separator: str | None = None
    format: Format | None = None
    mapping: Mapping[str, str] | None = None


@dataclass(slots=True)
class Opened:
    """The rows, and the header once it is read. A JSON file has none: `ignored` grows as names come up."""

    format: Format
    header: Header
    rows: Iterator[Row]


@contextmanager
def opened(path: Path, how: How) -> Iterator[Opened]:
    """The file's rows. Raises `Unreadable`, also while they are read."""
    try:
        with path.open("rb") as raw, _text(raw, how) as text, _told(how):
            kind: Format = how.format or ("jsonl" if path.suffix.lower() in _JSON_ENDINGS else "csv")
            yield _json(text) if kind == "jsonl" else _csv(text, how)
    except OSError as error:
        raise Unreadable("file_unreadable", f"cannot be read: {error.strerror}", "name a file") from error


@contextmanager
def _told(how: How) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        hint = "name its encoding: --encoding cp1252 for most files of Excel on Windows"
        name = how.encoding or "UTF-8"
        raise Unreadable("not_utf8", f"is not {name} (byte {error.object[error.start]:#04x})", hint) from error


def _text(raw: io.BufferedReader, how: How) -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding=_encoding(raw.peek(4), how), newline="")


def _encoding(begin: bytes, how: How) -> str:
    if how.encoding is not None:
        try:
            name = codecs.lookup(how.encoding).name
        except LookupError as error:
            raise Unreadable("unknown_encoding", f"--encoding {how.encoding}: nobody knows it", "cp1252?") from error
        return "utf-8-sig" if name == "utf-8" else name
    for mark, name in _MARKS:
        if begin.startswith(mark):
            raise Unreadable("not_utf8", f"is {name.upper()}", f"name its encoding: --encoding {name}")
    return "utf-8-sig"


def _csv(text: io.TextIOWrapper, how: How) -> Opened:
    begin = text.readline(LINE_LIMIT)
    if not begin.strip():
        raise Unreadable("empty", "is empty, or its first line is", "the first line names the columns", 1)
    separator = how.separator or max(_SEPARATORS, key=lambda each: (begin.count(each), each == ","))
    try:
        written = next(csv.reader([begin], delimiter=separator, strict=True))
        header = read_header([name.strip() for name in written], how.mapping or {})
    except BadHeader as error:
        raise Unreadable("bad_header", str(error), error.hint, 1) from error
    except csv.Error as error:
        raise Unreadable(
            "bad_header", f"the header cannot be read: {error}", "write the header on one line", 1
        ) from error
    return Opened("csv", header, _csv_rows(csv.reader(text, delimiter=separator, strict=True), header))


def _csv_rows(reader: Any, header: Header) -> Iterator[Row]:
    number, line = 0, 2
    while True:
        try:
            found = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            hint = 'a value with " in it is written "like ""this"""'
            yield Row(number, line, {}, ("bad_csv", f"cannot be read: {error}", hint))
            line = reader.line_num + 2
            continue
        if any(cell.strip() for cell in found):
            number += 1
            yield _csv_row(number, line, found, header)
        line = reader.line_num + 2


def _csv_row(number: int, line: int, found: list[str], header: Header) -> Row:
    if len(found) > len(header.fields):
        message = f"has {len(found)} values, the header has {len(header.fields)}"
        return Row(number, line, {}, ("too_many_values", message, 'put a value with a separator in it in "quotes"'))
    cells = {
        field: text
        for field, cell in zip(header.fields, found, strict=False)
        if field is not None and (text := cell.strip())
    }
    return Row(number, line, cells)


def _json(text: io.TextIOWrapper) -> Opened:
    return Opened("jsonl", Header(()), _json_rows(text))


def _json_rows(text: io.TextIOWrapper) -> Iterator[Row]:
    number = 0
    for line, written in enumerate(iter(lambda: text.readline(LINE_LIMIT), ""), start=1):
        if not written.strip():
            continue
        number += 1
        try:
            found = json.loads(written)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            hint = 'one object a line, such as {"customer": "1041", "attributes": {"tier": ["A"]}}'
            yield Row(number, line, {}, ("not_json", "is no object of JSON on one line", hint))
        else:
            yield _json_row(number, line, found)


def _json_row(number: int, line: int, found: Mapping[str, Any]) -> Row:
    try:
        attributes = _object(found, "attributes")
        cells = _cells({name: value for name, value in found.items() if name not in ("attributes", "lines")})
        cells |= {ATTRIBUTE + name: _cell(name, value) or "-" for name, value in attributes.items()}
        lines = found.get("lines", [])
        if not isinstance(lines, list) or not all(isinstance(each, dict) for each in lines):
            raise ValueError("lines is no list of objects")
        return Row(number, line, cells, lines=tuple(_cells(each) for each in lines))
    except ValueError as error:
        return Row(number, line, {}, ("wrong_shape", str(error), "see docs/import.md for the names and their shapes"))


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _cells(found: Mapping[str, Any]) -> dict[str, str]:
    cells = {}
    for name, value in found.items():
        field = field_of(name)
        if field is None:
            raise ValueError(f"{name!r} is no name that an import knows")
        if text := _cell(name, value):
            cells[field] = text
    return cells


def _cell(name: str, value: Any) -> str:
    """As it would stand in a CSV file. Amounts are texts: a number of JSON has been rounded by somebody already."""
    if isinstance(value, list):
        return "|".join(_cell(name, each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return ""
    if isinstance(value, int | str):
        return str(value).strip()
    raise ValueError(f'{name!r} is neither text nor a whole number: write amounts as text, "12.50"')

"""A day's CSV file: a row is added once for an id, under a lock, and a row cut off by a crash is taken away first.

The id stands in the last column; the same day's rows with other columns stand in a file of their own.
"""

import csv
import errno
import fcntl
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from headrace.contracts.money import exponent, from_minor

ID_COLUMN: Final = "effect"
_BOM: Final = "\ufeff"
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LINE_ENDS: Final = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029\x00]+")
_MODE: Final = 0o600
"""Rows may hold names and addresses."""


def cell(value: Any) -> str:
    """As text on one line; what a spreadsheet would take for a formula begins with an apostrophe. Money: `12.50`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, Mapping) and isinstance(value.get("amount_minor"), int):
        currency = str(value.get("currency", ""))
        return f"{from_minor(value['amount_minor'], currency):.{exponent(currency)}f}"
    if isinstance(value, list | tuple):
        value = ", ".join(cell(each) for each in value)
    text = _LINE_ENDS.sub(" ", str(value))
    guarded = text.lstrip(" ").startswith(_BEGINS_FORMULA) and not _NUMBER.fullmatch(text)
    return f"'{text}" if guarded else text


def day_file(folder: Path, name: str, day: date, part: int = 1) -> Path:
    """`backorders-2026-11-22.csv`; with another header on the same day `backorders-2026-11-22-2.csv`.

    Raises ValueError for what is no plain name.
    """
    stem = re.sub(r"\.(csv|xlsx)$", "", name, flags=re.IGNORECASE)
    if not stem or stem.startswith(".") or re.search(r"[/\\:*?\"<>|\x00-\x1f]", stem) or len(stem.encode()) > 120:
        raise ValueError("is no name of a file")
    return folder / f"{stem}-{day.isoformat()}{'' if part == 1 else f'-{part}'}.csv"


def append_row(
    folder: Path, name: str, day: date, columns: Sequence[str], values: Sequence[Any], id: str
) -> tuple[Path, bool]:
    """Adds a row unless its id is in one of the day's files. The file it is in, and whether it was added.

    On disk when it returns. Raises OSError, and ValueError for a name that is none.
    """
    first = day_file(folder, name, day)
    folder.mkdir(parents=True, exist_ok=True)
    header = _line([*columns, ID_COLUMN])
    with _locked(first.with_suffix(".lock")):
        part, target = 1, None
        while (path := day_file(folder, name, day, part)).exists():
            head, ids = _mended(path)
            if id in ids:
                return path, False
            target = path if target is None and head in ("", header) else target
            part += 1
        target = target or path
        begins = not target.exists() or target.stat().st_size == 0
        _write(target, (_BOM + header) * begins + _line([*map(cell, values), id]))
    return target, True


def rows_of(path: Path) -> list[list[str]]:
    """Header and rows, each with the id at its end."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _mended(path: Path) -> tuple[str, set[str]]:
    """The file's header and the ids in it; a last line without an end was cut off by a crash, and goes."""
    content = path.read_bytes()
    whole = content.rfind(b"\r\n") + 2 if b"\r\n" in content else 0
    if whole < len(content):
        os.truncate(path, whole)
    lines = content[:whole].decode("utf-8-sig").split("\r\n")
    return (f"{lines[0]}\r\n" if whole else ""), {line.rpartition(",")[2] for line in lines[1:]}


def _write(path: Path, text: str) -> None:
    is_new, content = not path.exists(), text.encode()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _MODE)
    try:
        if os.write(handle, content) < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)
    if is_new:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(cells: Sequence[str]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue()

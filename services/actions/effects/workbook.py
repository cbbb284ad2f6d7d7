"""The spreadsheet of a day's CSV file: `backorders-2026-11-22.xlsx`, written anew a moment after rows were added."""

import asyncio
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

import xlsxwriter

from services.actions.effects.export_file import ID_COLUMN, rows_of

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,10})?")
_GUARDED: Final = re.compile(r"' *[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_WIDEST: Final = 60
_CELL_LIMIT: Final = 32_767
_OPTIONS: Final = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "constant_memory": True,
}


def workbook_of(path: Path) -> Path:
    """Where the spreadsheet of a CSV file is."""
    return path.with_suffix(".xlsx")


def write_workbook(path: Path) -> Path:
    """Writes it whole and puts it in the old one's place. Numbers are numbers, and nothing is a formula."""
    rows = rows_of(path)
    target = workbook_of(path)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with xlsxwriter.Workbook(str(unfinished), _OPTIONS) as book:
            sheet = book.add_worksheet("Rows")
            bold = book.add_format({"bold": True})
            sheet.freeze_panes(1, 0)
            for column, width in enumerate(_widths(rows)):
                hidden = {"hidden": True} if rows[0][column] == ID_COLUMN else {}
                sheet.set_column(column, column, width, None, hidden)
            for line, row in enumerate(rows):
                for column, text in enumerate(row):
                    if line and _NUMBER.fullmatch(text):
                        sheet.write_number(line, column, float(text))
                    else:
                        shown = text[1:] if _GUARDED.match(text) else text
                        sheet.write_string(line, column, shown[:_CELL_LIMIT], bold if line == 0 else None)
        unfinished.chmod(0o600)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def stale_files(folder: Path) -> list[Path]:
    """CSV files of ours whose spreadsheet is missing or older: a process ended before it wrote them."""
    found = [path for path in folder.glob("*.csv") if path.with_suffix(".lock").exists() or _is_part(path)]
    return [path for path in found if not _is_newer(workbook_of(path), path)]


def _is_part(path: Path) -> bool:
    return re.search(r"-\d{4}-\d\d-\d\d-\d+$", path.stem) is not None


def _is_newer(book: Path, path: Path) -> bool:
    return book.exists() and book.stat().st_mtime_ns >= path.stat().st_mtime_ns


def _widths(rows: list[list[str]]) -> list[int]:
    columns = len(rows[0]) if rows else 0
    return [min(_WIDEST, 2 + max(len(row[each]) for row in rows if each < len(row))) for each in range(columns)]


class Workbooks:
    """Rewrites spreadsheets `delay_s` after the first row that is missing in them; the rest when it is closed."""

    def __init__(self, delay_s: float = 2.0) -> None:
        self._delay_s = delay_s
        self._changed: dict[Path, None] = {}
        self._task: asyncio.Task[None] | None = None

    def changed(self, path: Path) -> None:
        """A row was added to a CSV file."""
        self._changed[path] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_later())

    async def aclose(self) -> None:
        """Writes what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._write_all()

    async def _write_later(self) -> None:
        await asyncio.sleep(self._delay_s)
        await self._write_all()

    async def _write_all(self) -> None:
        """One that cannot be written is written with the next row, or by the next process."""
        while self._changed:
            path = next(iter(self._changed))
            del self._changed[path]
            with suppress(OSError):
                await asyncio.to_thread(write_workbook, path)

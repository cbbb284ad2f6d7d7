"""Rows: once for an id, whatever ends in between, and nothing that a spreadsheet takes for a formula."""

import csv
import os
import stat
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.consumer.effects import Contact, InDoubt, Refused
from services.actions.effects.export import ExportSender
from services.actions.effects.export_file import append_row, cell, day_file, rows_of
from services.actions.effects.workbook import Workbooks, stale_files, workbook_of, write_workbook
from tests.services.actions.effects.letters import ID, letter

DAY = date(2026, 11, 22)
WITH = {
    "file": "backorders.csv",
    "columns": ["customer", "at", "customer.spend", "customer.email"],
    "row": {
        "customer": "s:42",
        "at": "2026-11-22T18:30:00Z",
        "customer.spend": {"amount_minor": 123450, "currency": "GBP"},
    },
}


async def test_send__twice__one_row_and_a_spreadsheet(tmp_path: Path) -> None:
    sender = ExportSender(tmp_path, workbooks=Workbooks(60.0))
    first = await sender.send(letter("export_row", WITH))
    again = await sender.send(letter("export_row", WITH, attempt=2, contact=None))
    await sender.aclose()
    path = tmp_path / "backorders-2026-11-22.csv"
    assert (first.receipt, again.receipt) == (path.name, path.name)
    assert rows_of(path) == [
        ["customer", "at", "customer.spend", "customer.email", "effect"],
        ["42", "2026-11-22T18:30:00Z", "1234.50", "ann@x.example", ID],
    ]
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(workbook_of(path)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<v>1234.5</v>" in sheet
    assert 'hidden="1"' in sheet
    assert "<f>" not in sheet


async def test_send__the_day__the_stores_and_the_decisions(tmp_path: Path) -> None:
    sender = ExportSender(tmp_path, zone=ZoneInfo("Asia/Tokyo"), workbooks=Workbooks(60.0))
    done = await sender.send(letter("export_row", WITH, now=datetime(2026, 12, 24, tzinfo=UTC)))
    await sender.aclose()
    assert done.receipt == "backorders-2026-11-23.csv"


async def test_send__no_contact__empty_cells(tmp_path: Path) -> None:
    sender = ExportSender(tmp_path, workbooks=Workbooks(60.0))
    done = await sender.send(letter("export_row", WITH, contact=Contact()))
    await sender.aclose()
    assert rows_of(tmp_path / done.receipt)[1][3] == ""


@pytest.mark.parametrize("name", ["", "../x.csv", "a/b.csv", ".hidden", "a\x00b", "x" * 200, ".csv"])
async def test_send__no_plain_name__refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Refused, match="bad_file"):
        await ExportSender(tmp_path).send(letter("export_row", {**WITH, "file": name}))


async def test_send__a_folder_that_cannot_be__in_doubt(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InDoubt):
        await ExportSender(tmp_path / "file" / "folder").send(letter("export_row", WITH))


def add(folder: Path, id: str, columns: tuple[str, ...] = ("a",), values: tuple[Any, ...] = ("x",)) -> tuple[str, bool]:
    path, added = append_row(folder, "f.csv", DAY, columns, values, id)
    return path.name, added


def test_append_row__other_columns_on_one_day__a_file_of_their_own(tmp_path: Path) -> None:
    assert add(tmp_path, "1") == ("f-2026-11-22.csv", True)
    assert add(tmp_path, "2", ("a", "b"), ("x", "y")) == ("f-2026-11-22-2.csv", True)
    assert add(tmp_path, "3") == ("f-2026-11-22.csv", True)
    assert add(tmp_path, "2") == ("f-2026-11-22-2.csv", False)
    assert add(tmp_path, "1", ("a", "b"), ("x", "y")) == ("f-2026-11-22.csv", False)


def test_append_row__cut_off_anywhere_by_a_crash__every_id_once(tmp_path: Path) -> None:
    for each in ("1", "2"):
        add(tmp_path, each, ("a", "b"), ('say "hi", you', "ü"))
    path = tmp_path / "f-2026-11-22.csv"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        for each in ("2", "1", "2"):
            add(tmp_path, each, ("a", "b"), ('say "hi", you', "ü"))
        assert sorted(row[-1] for row in rows_of(path)[1:]) == ["1", "2"], length
        assert [len(row) for row in rows_of(path)] == [3, 3, 3], length
        assert path.read_bytes().count(b"\xef\xbb\xbf") == 1, length


def test_append_row__many_at_once__every_id_once(tmp_path: Path) -> None:
    ids = [str(number % 20) for number in range(80)]
    with ThreadPoolExecutor(8) as threads:
        added = list(threads.map(lambda each: add(tmp_path, each)[1], ids))
    assert sum(added) == 20
    assert sorted(int(row[-1]) for row in rows_of(tmp_path / "f-2026-11-22.csv")[1:]) == list(range(20))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "yes"), (False, "no"), (0, "0"), (-5, "-5"), ("-5.20", "-5.20"), ("007", "007"),
        ("=1+1", "'=1+1"), ("+49 171", "'+49 171"), ("-2+3", "'-2+3"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("  =1", "'  =1"), ("\uff1d1", "'\uff1d1"), ("a\r\n=1", "a =1"), ("\n=1", "' =1"),
        (["=a", "b"], "'=a, b"), ({"amount_minor": 500, "currency": "JPY"}, "500"),
        ({"amount_minor": -5, "currency": "GBP"}, "-0.05"), ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
    ],
)  # fmt: skip
def test_cell__table(value: Any, text: str) -> None:
    assert cell(value) == text


@settings(max_examples=200)
@given(st.text())
def test_cell__any_text__one_line_and_no_formula(text: str) -> None:
    found = cell(text)
    assert len(found.splitlines()) <= 1
    assert not found.startswith(("=", "+", "@", "\t", "\r"))
    assert not found.startswith("-") or float(found) <= 0


def test_day_file__spreadsheets_name__the_csv() -> None:
    assert day_file(Path("/f"), "Rows.XLSX", DAY).name == "Rows-2026-11-22.csv"


def test_write_workbook__texts__as_they_are_and_whole(tmp_path: Path) -> None:
    values = ("=1+1", "007", "12.50", "https://x.example", "é<&>")
    path, _ = append_row(tmp_path, "f", DAY, tuple("abcde"), values, "1")
    with zipfile.ZipFile(write_workbook(path)) as book:
        everything = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "<f>" not in everything
    assert "=1+1" in everything
    assert "'=1+1" not in everything
    assert ">007<" in everything
    assert "<v>12.5</v>" in everything
    assert "hyperlink" not in everything
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def test_stale_files__a_row_behind_the_spreadsheet__found(tmp_path: Path) -> None:
    path, _ = append_row(tmp_path, "f", DAY, ("a",), ("x",), "1")
    (tmp_path / "somebody-elses.csv").write_text("a\n")
    assert stale_files(tmp_path) == [path]
    write_workbook(path)
    assert stale_files(tmp_path) == []
    os.utime(path, ns=(2**62, 2**62))
    assert stale_files(tmp_path) == [path]


def test_cell__a_moment__as_text() -> None:
    assert cell(datetime(2026, 1, 1, tzinfo=timezone(timedelta(0)))) == "2026-01-01 00:00:00+00:00"


def test_rows_of__quotes_and_commas__read_by_any_program(tmp_path: Path) -> None:
    path, _ = append_row(tmp_path, "f", DAY, ('a "b"', "c,d"), ('x,"y"', "z\nw"), "1")
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [['a "b"', "c,d", "effect"], ['x,"y"', "z w", "1"]]

"""Files as rows: encodings, separators, quotes, JSON Lines, and what is said of a file that cannot be read."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.importing.reading import How, Row, Unreadable, opened

GOLD = {"customer": "1", "attribute.tier": "Gold"}


def rows(folder: Path, content: bytes | str, how: How | None = None, name: str = "file.csv") -> list[Row]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with opened(path, how or How()) as found:
        return list(found.rows)


def cells(found: list[Row]) -> list[Mapping[str, str]]:
    return [row.cells for row in found]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_opened__any_usual_separator__found_out(tmp_path: Path, separator: str) -> None:
    assert cells(rows(tmp_path, f"customer{separator}attribute.tier\n1{separator}Gold\n")) == [GOLD]


def test_opened__separator_named__taken(tmp_path: Path) -> None:
    assert cells(rows(tmp_path, "customer#attribute.a,b\n1#x\n", How(separator="#"))) == [
        {"customer": "1", "attribute.a,b": "x"}
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_opened__mark_and_line_ends_of_excel__read(tmp_path: Path, end: str) -> None:
    text = f"customer;attribute.tier{end}1;Gold{end}"
    assert cells(rows(tmp_path, b"\xef\xbb\xbf" + text.encode())) == [GOLD]


def test_opened__cp1252__refused_with_its_name_and_read_when_named(tmp_path: Path) -> None:
    content = "customer;attribute.city\n1;Zürich\n".encode("cp1252")
    with pytest.raises(Unreadable, match="not UTF-8") as caught:
        rows(tmp_path, content)
    assert "--encoding cp1252" in caught.value.hint
    assert cells(rows(tmp_path, content, How(encoding="cp1252")))[0]["attribute.city"] == "Zürich"


def test_opened__utf16__refused_with_its_name_and_read_when_named(tmp_path: Path) -> None:
    content = "customer;attribute.tier\n1;Gold\n".encode("utf-16")
    with pytest.raises(Unreadable) as caught:
        rows(tmp_path, content)
    assert "--encoding utf-16" in caught.value.hint
    assert cells(rows(tmp_path, content, How(encoding="utf-16"))) == [GOLD]


def test_opened__quotes_blank_lines_and_breaks__rows_with_the_line_they_begin_in(tmp_path: Path) -> None:
    found = rows(tmp_path, 'customer,attribute.x\n\n1,"a,b"\n2,"c\nd"\n ,\n3,"e ""f"""\n')
    assert [(row.number, row.line, row.cells["attribute.x"]) for row in found] == [
        (1, 3, "a,b"),
        (2, 4, "c\nd"),
        (3, 7, 'e "f"'),
    ]


def test_opened__rows_that_are_none__said_so_and_the_next_are_read(tmp_path: Path) -> None:
    found = rows(tmp_path, 'customer,attribute.x\n1,a,b\n2,"c"d\n3,e\n')
    assert [None if row.problem is None else row.problem[0] for row in found] == ["too_many_values", "bad_csv", None]
    assert [row.line for row in found] == [2, 3, 4]


@pytest.mark.parametrize(
    ("content", "how", "code"),
    [
        ("", How(), "empty"),
        ("\n1,2\n", How(), "empty"),
        ("kind,group\nB2B,Gold\n", How(), "bad_header"),
        ("customer\n1\n", How(encoding="klingon"), "unknown_encoding"),
    ],
)
def test_opened__cannot_be_read__says_why(tmp_path: Path, content: str, how: How, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        rows(tmp_path, content, how)
    assert caught.value.code == code


def test_opened__json_lines__as_cells(tmp_path: Path) -> None:
    text = """
{"customer": 1, "attributes": {"tier": ["Gold", "A"], "gone": []}, "subscribed": true, "Phone": null}
{"customer": "2", "order": "9", "ordered_at": "2024-01-01", "lines": [{"sku": "M", "price": "2.50", "quantity": 2}]}
"""
    one, two = rows(tmp_path, text, name="file.jsonl")
    assert one.cells == {"customer": "1", "attribute.tier": "Gold|A", "attribute.gone": "-", "subscribed": "yes"}
    assert two.lines == ({"sku": "M", "price": "2.50", "quantity": "2"},)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("[1]", "not_json"),
        ("{", "not_json"),
        ('{"client": "1"}', "wrong_shape"),
        ('{"customer": "1", "total": 12.5}', "wrong_shape"),
        ('{"customer": {"id": 1}}', "wrong_shape"),
        ('{"customer": "1", "lines": {}}', "wrong_shape"),
        ('{"customer": "1", "attributes": []}', "wrong_shape"),
    ],
)
def test_opened__json_that_is_no_row__said_so(tmp_path: Path, line: str, code: str) -> None:
    (row,) = rows(tmp_path, line + "\n", How(format="jsonl"))
    assert row.problem is not None
    assert row.problem[0] == code


@given(st.binary(max_size=300))
def test_opened__any_bytes__rows_or_unreadable(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    for name in ("file.csv", "file.jsonl"):
        with contextlib.suppress(Unreadable):
            rows(tmp_path_factory.getbasetemp(), b"customer,attribute.x\n" + content, name=name)

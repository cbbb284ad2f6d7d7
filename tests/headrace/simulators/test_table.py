"""Rows by id and by change, and the read lag."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.simulators.table import Table
from tests.headrace.simulators.harness import START, Hands


@dataclass(frozen=True)
class Row:
    id: int
    modified: datetime
    text: str = ""


def test_table__span__is_by_id(hands: Hands) -> None:
    table: Table[Row] = Table(hands)
    for row_id in (5, 2, 9):
        table.put(Row(row_id, START))
    assert [row.id for row in table.span(3, 9)] == [5, 9]
    assert [row.id for row in table.span()] == [2, 5, 9]
    assert table.next_id() == 10


def test_table__changed_since__is_by_change(hands: Hands) -> None:
    table: Table[Row] = Table(hands)
    for second, row_id in enumerate((1, 2, 3, 1)):
        table.put(Row(row_id, START + timedelta(seconds=second)))
    assert [row.id for row in table.changed_since(START + timedelta(seconds=2))] == [3, 1]


def test_table__with_lag__is_seen_as_it_was(hands: Hands) -> None:
    table: Table[Row] = Table(hands, lag_s=5)
    table.put(Row(1, START, "old"))
    assert table.seen(1) is None
    hands.real = 6
    table.put(Row(1, START, "new"))
    seen, now = table.seen(1), table.now(1)
    assert seen is not None
    assert now is not None
    assert (seen.text, now.text) == ("old", "new")
    hands.real = 12
    seen = table.seen(1)
    assert seen is not None
    assert seen.text == "new"


def test_table__deleted__is_gone(hands: Hands) -> None:
    table: Table[Row] = Table(hands)
    table.put(Row(1, START))
    table.delete(1)
    table.delete(1)
    assert not list(table)
    assert table.changed_since(START) == []

"""One pass over a file: rows are checked, orders put together from theirs, and each row's fate reported.

Nothing here talks to Kafka: what is to be written gathers in the maker's batch.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from services.ingest.importing.cells import Bad
from services.ingest.importing.columns import Header
from services.ingest.importing.facts import Facts, Setting, customer_of, has_order, order_of
from services.ingest.importing.reading import Opened, Row
from services.ingest.importing.records import Maker
from services.ingest.importing.report import Problem, Report

_WITH_ANOTHER: Final = "order_refused"


class Pass:
    """Rows come one by one; `due` says that the batch may be written."""

    def __init__(self, setting: Setting, maker: Maker, report: Report, header: Header) -> None:
        self._setting = setting
        self._maker = maker
        self._report = report
        self._header = header
        self._order: list[tuple[Row, Facts | None]] = []
        """The rows of the order that is being read; None: refused."""
        self._orders = _Seen()

    def run(self, opened: Opened, at_once: int) -> Iterator[None]:
        """All rows; stops whenever so many records have gathered, for the caller to write and clear them."""
        for row in opened.rows:
            self._row(row)
            if len(self._maker.batch.records) >= at_once:
                yield
        self._end_order()
        yield

    def _row(self, row: Row) -> None:
        order_id = row.cells.get("order", "")
        if self._order and order_id != self._order[0][0].cells["order"]:
            self._end_order()
        try:
            if row.problem is not None:
                raise Bad("", *row.problem)
            facts = customer_of(row, self._setting)
            if not has_order(row):
                self._customer(facts)
                self._report.accept(row.number, row.line)
                return
            if not self._order and not self._orders.add(order_id):
                raise Bad(
                    "order", "apart", "stands with other rows above", "sort the file, so that they stand together"
                )
        except Bad as error:
            self._refuse(row, error)
            if order_id:
                self._order.append((row, None))
            return
        self._order.append((row, facts))

    def _customer(self, facts: Facts) -> None:
        mark = self._maker.mark()
        try:
            self._maker.customer(facts)
        except Bad:
            self._maker.back_to(mark)
            raise

    def _end_order(self) -> None:
        rows, self._order = self._order, []
        sound = [(row, facts) for row, facts in rows if facts is not None]
        mark = self._maker.mark()
        try:
            if bad := next((row for row, facts in rows if facts is None), None):
                raise _order_refused(bad.number)
            if sound:
                order = order_of([row for row, _ in sound], self._setting)
                for _, facts in sound:
                    self._maker.customer(facts)
                self._maker.order(order)
        except Bad as error:
            self._maker.back_to(mark)
            self._refuse_order([row for row, _ in sound], error)
        else:
            for row, _ in sound:
                self._report.accept(row.number, row.line)

    def _refuse_order(self, rows: list[Row], error: Bad) -> None:
        about = error.row or next((row.number for row in rows), 0)
        for row in rows:
            is_own = error.code == _WITH_ANOTHER or row.number == about
            self._refuse(row, error if is_own else _order_refused(about))

    def _refuse(self, row: Row, error: Bad) -> None:
        column = self._header.written.get(error.field, error.field)
        self._report.refuse(Problem(row.number, row.line, column, error.code, str(error), error.hint))


def _order_refused(number: int) -> Bad:
    message = f"is of an order with a row that is refused: row {number}"
    return Bad("order", _WITH_ANOTHER, message, "mend that row; an order comes in whole or not at all")


class _Seen:
    """The orders there were, in a file that the system forgets: there may be millions."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE orders (id TEXT PRIMARY KEY) WITHOUT ROWID")

    def add(self, order_id: str) -> bool:
        """False for one that was there."""
        return self._db.execute("INSERT OR IGNORE INTO orders VALUES (?)", (order_id,)).rowcount == 1

"""The columns of "Online Retail II" as plain rows, from parquet or CSV.

What a row means to an order is in `shop.py`.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

COLUMNS: Final = {
    "Invoice": pa.string(),
    "StockCode": pa.string(),
    "Quantity": pa.int64(),
    "InvoiceDate": pa.string(),
    "Price": pa.float64(),
    "Customer ID": pa.float64(),
    "Country": pa.string(),
}
DESCRIPTION: Final = "Description"
"""May be missing, as in the extract that ships with Headrace."""


class ShopError(ValueError):
    """The file cannot be read as a shop's invoice lines; the text says what to change."""


class Row(NamedTuple):
    """One invoice line. `at`: ISO text without zone; `customer` 0: none; not `complete`: a needed value is missing."""

    invoice: str
    stock_code: str
    quantity: int
    at: str
    price: float
    customer: int
    country: str
    description: str
    complete: bool


def read_rows(path: Path) -> Iterator[Row]:
    """Rows in file order. Raises ShopError naming the file and what is wrong with it."""
    table = _read(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise ShopError(f"{path}: no column {', '.join(missing)}; it has {', '.join(table.column_names)}")
    columns = [_column(path, table, name) for name in COLUMNS]
    _check_times(path, columns[3])
    names = table[DESCRIPTION].cast(pa.string()).to_pylist() if DESCRIPTION in table.column_names else None
    return _rows(columns, names or [None] * table.num_rows)


def _read(path: Path) -> Any:
    try:
        if path.suffix == ".csv":
            options = pyarrow.csv.ConvertOptions(
                column_types=COLUMNS | {DESCRIPTION: pa.string()}, strings_can_be_null=True
            )
            return pyarrow.csv.read_csv(path, convert_options=options)
        return pyarrow.parquet.read_table(path)
    except FileNotFoundError as error:
        raise ShopError(f"{path}: there is no such file") from error
    except (pa.ArrowException, OSError) as error:
        raise ShopError(f"{path}: neither parquet nor CSV with the expected columns: {error}") from error


def _column(path: Path, table: Any, name: str) -> list[Any]:
    try:
        values: list[Any] = table[name].cast(COLUMNS[name]).to_pylist()
    except pa.ArrowException as error:
        raise ShopError(f"{path}: column {name}: {error}") from error
    return values


def _check_times(path: Path, times: list[str | None]) -> None:
    for text in dict.fromkeys(times):
        try:
            datetime.fromisoformat(text or "2000-01-01")
        except ValueError as error:
            raise ShopError(f"{path}: InvoiceDate {text!r} is not YYYY-MM-DD HH:MM:SS") from error


def _rows(columns: list[list[Any]], names: list[str | None]) -> Iterator[Row]:
    for invoice, code, quantity, at, price, customer, country, name in zip(*columns, names, strict=True):
        complete = bool(invoice and code and at) and quantity is not None and price is not None
        yield Row(
            invoice, code, quantity, at, price, int(customer) if customer else 0, country or "", name or "", complete
        )

"""Makes `online_retail.parquet`: the first months of "Online Retail II" without descriptions, in small types.

    python examples/online_retail/extract.py SOURCE.parquet [--until 2010-03-01]

SOURCE is the sheet 2009-2010 with the data set's own column names. Nothing is changed but what is left out.
"""

import argparse
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).parent
SCHEMA = pa.schema(
    [
        ("Invoice", pa.string()),
        ("StockCode", pa.string()),
        ("Quantity", pa.int32()),
        ("InvoiceDate", pa.timestamp("s")),
        ("Price", pa.float64()),
        ("Customer ID", pa.int32()),
        ("Country", pa.string()),
    ]
)


def extract(source: Path, target: Path, until: datetime) -> int:
    """Write the lines before `until`; gives their number."""
    table = pq.read_table(source, columns=SCHEMA.names)
    times = pc.cast(table["InvoiceDate"], pa.timestamp("s"))
    table = table.set_column(table.column_names.index("InvoiceDate"), "InvoiceDate", times)
    table = table.filter(pc.less(times, pa.scalar(until, pa.timestamp("s")))).cast(SCHEMA)
    pq.write_table(
        table.replace_schema_metadata(None), target, compression="zstd", compression_level=22, use_dictionary=True
    )
    return int(table.num_rows)


def main() -> None:
    """Read the arguments, write the file, say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("--until", type=datetime.fromisoformat, default=datetime(2010, 3, 1))  # noqa: DTZ001 - the file's times have no zone
    parser.add_argument("--target", type=Path, default=HERE / "online_retail.parquet")
    arguments = parser.parse_args()
    lines = extract(arguments.source, arguments.target, arguments.until)
    print(f"{lines} lines, {arguments.target.stat().st_size} bytes: {arguments.target}")  # noqa: T201 - a script


if __name__ == "__main__":
    main()

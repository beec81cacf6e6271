"""One request in each media type: how the tests of the columnar ones write it."""

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq

from service.columnar import NAMES

ARROW, CSV, LINES = "application/vnd.apache.arrow.stream", "text/csv", "application/x-ndjson"
PARQUET = "application/vnd.apache.parquet"


def columns_and_query(fields: dict[str, Any]) -> tuple[dict[str, list[Any]], str]:
    """The columns of a request by their names in a columnar body, and its options as a query string."""
    columns = {name: fields[name] for name in NAMES if name in fields}
    columns |= {f"group.{name}": column for name, column in fields.get("groups", {}).items()}
    options = {name: json.dumps(value) for name, value in fields.items() if name not in {*NAMES, "groups"}}
    return columns, urlencode(options)


def arrow(columns: dict[str, Any], batch_rows: int = 3, compression: str | None = None) -> bytes:
    """An Arrow stream of several batches."""
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return sink.getvalue()


def parquet(columns: dict[str, Any], group_rows: int = 3, **options: Any) -> bytes:
    """A Parquet file of several row groups."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink, row_group_size=group_rows, **options)
    return sink.getvalue()


def cell(value: Any) -> str:
    """A value as CSV has it."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def comma_separated(columns: dict[str, list[Any]]) -> bytes:
    """A header and lines of cells."""
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return sink.getvalue().encode()


def lines(columns: dict[str, list[Any]]) -> bytes:
    """A line with an object for each row."""
    rows = zip(*columns.values(), strict=True)
    return b"".join(json.dumps(dict(zip(columns, row, strict=True))).encode() + b"\n" for row in rows)


WRITTEN = {ARROW: arrow, CSV: comma_separated, LINES: lines, PARQUET: parquet}

"""CSV to columns, by pyarrow: a header and a line for each row (RFC 4180), one value in each column.

A column is of integers if all its cells are, of booleans if all are `true` or `false`, else of numbers if all are, else
of strings; `01` is a string. An empty cell is a null, and `""` an empty string.
"""

import codecs
import csv
import importlib
from typing import Any

from service import json_pieces
from service.arrow_columns import pyarrow
from service.columnar import check_names, check_size, fields_of, malformed, refusing
from service.problems import Problem
from service.settings import Settings

INTEGER = "^-?(0|[1-9][0-9]*)$"
BOOLEAN = "^(true|false)$"
NUMBER = r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$"
# Columns that hold numbers alone: what is none in them is found cell by cell.
NUMBERS = ("scores", "sample_weight")
NO_CSV = "It is no CSV in UTF-8 with as many cells in each line as in the header."


def decode(body: bytes | bytearray, settings: Settings) -> dict[str, Any]:
    """The columns of lines of cells.

    Raises `Problem` for what is no CSV in UTF-8 or is too large, `ValidationError` for columns that there are not.
    """
    if body.startswith(codecs.BOM_UTF8):
        raise Problem("bad-encoding", "The body starts with a byte order mark. Leave it out.")
    if len(body) >= settings.max_values:
        lines = max(json_pieces.occurrences(body, end) for end in "\r\n")
        check_size(0, json_pieces.occurrences(body, ",") + lines, settings)
    names, after = header_of(body)
    check_names(names)
    arrow, reader = pyarrow(), importlib.import_module("pyarrow.csv")
    columns = [arrow.array([], arrow.string())] * len(names)
    if body[after:].strip():
        with refusing(NO_CSV, arrow.ArrowException):
            table = reader.read_csv(
                arrow.BufferReader(memoryview(body)[after:]),
                reader.ReadOptions(column_names=names, use_threads=False),
                reader.ParseOptions(newlines_in_values=True, ignore_empty_lines=len(names) > 1),
                reader.ConvertOptions(
                    column_types=dict.fromkeys(names, arrow.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                ),
            )
        check_size(table.num_rows, table.num_rows * len(names), settings)
        columns = [column.combine_chunks() for column in table.columns]
    return fields_of({name: column_of(name, column) for name, column in zip(names, columns, strict=True)})


def header_of(body: bytes | bytearray) -> tuple[list[str], int]:
    """The names of the columns, and where the first row starts."""
    ends = [end for end in (body.find(b"\n"), body.find(b"\r")) if end >= 0]
    end = min(ends, default=len(body))
    after = end + (2 if body[end : end + 2] == b"\r\n" else 1)
    try:
        return next(csv.reader([bytes(body[:end]).decode("utf-8")], strict=True), []), after
    except UnicodeDecodeError:
        raise Problem("bad-encoding", "The body is not UTF-8. CSV is sent in UTF-8.") from None
    except csv.Error:
        raise malformed("Its first line is no header of CSV.") from None


def column_of(name: str, cells: Any) -> Any:
    """The column of cells, as that of the same values in JSON."""
    compute = importlib.import_module("pyarrow.compute")

    def all_are(pattern: str) -> bool:
        return len(cells) > cells.null_count and bool(
            compute.all(compute.match_substring_regex(cells, pattern)).as_py()
        )

    if all_are(NUMBER):
        whole = all_are(INTEGER)
        if cells.null_count:
            return [None if cell is None else number_of(cell, whole=whole) for cell in cells.to_pylist()]
        return integers(cells) if whole else cells.cast("float64").to_numpy()
    if name in NUMBERS:
        numeric = compute.match_substring_regex(cells, NUMBER).to_pylist()
        return [float(cell) if number else cell for cell, number in zip(cells.to_pylist(), numeric, strict=True)]
    if all_are(BOOLEAN):
        return [None if cell is None else cell == "true" for cell in cells.to_pylist()]
    return cells.to_pylist()


def number_of(cell: str, *, whole: bool) -> float:
    """The number of a cell, an integer where it is short enough to be one of 64 bits."""
    return int(cell) if whole and len(cell) < 20 else float(cell)


def integers(cells: Any) -> Any:
    """Cells of integers as int64 if all fit, else as float64."""
    try:
        return cells.cast("int64").to_numpy()
    except ValueError:  # an ArrowInvalid is one
        return cells.cast("float64").to_numpy()

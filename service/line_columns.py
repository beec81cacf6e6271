"""NDJSON to columns: a line for each row, with an object of its values, as strict as JSON is."""

import codecs
import io
import json
from typing import Any

from service import json_columns
from service.columnar import check_names, check_size, fields_of, malformed
from service.problems import Problem
from service.settings import Settings

# One for all lines: to make a decoder takes longer than to decode a line.
DECODER = json.JSONDecoder(object_pairs_hook=json_columns.unique_keys, parse_constant=json_columns.refuse_constant)


def decode(body: bytes | bytearray, settings: Settings) -> dict[str, Any]:
    """The columns of lines with one object each, all of the same names.

    Raises `Problem` for what is no such lines or is too large, `ValidationError` for columns that there are not.
    """
    if body.startswith(codecs.BOM_UTF8):
        raise Problem("bad-encoding", "The body starts with a byte order mark. Leave it out.")
    if len(body) >= settings.max_values:
        check_size(0, sum(json_columns.occurrences(body, character) for character in ",\n"), settings)
    columns: dict[str, list[Any]] = {}
    rows = 0
    for line in io.BytesIO(body):
        if not line.strip():
            continue
        rows += 1
        check_size(rows, 0, settings)
        row = row_of(line, rows)
        if rows == 1:
            check_names(list(row))
            columns = {name: [] for name in row}
        if row.keys() != columns.keys():
            raise malformed(f"The object of row {rows - 1} has other names than the first one.")
        for name, column in columns.items():
            column.append(row[name])
    if not rows:
        raise malformed("It has no rows.")
    return fields_of({name: json_columns.column_of_list(column) for name, column in columns.items()})


def row_of(line: bytes, number: int) -> dict[str, Any]:
    """The values of a line by name. Raises `Problem` where it is no object, or has a name twice."""
    try:
        row = DECODER.decode(line.decode("utf-8"))
        if json_columns.SURROGATE_ESCAPE.search(line):
            json.dumps(row, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        raise json_columns.not_utf8() from None
    except RecursionError:
        raise json_columns.too_deep() from None
    except ValueError:
        raise malformed(f"Row {number - 1}, counted from 0, is not JSON (RFC 8259).") from None
    if not isinstance(row, dict):
        raise malformed(f"Row {number - 1}, counted from 0, is no object.")
    return row

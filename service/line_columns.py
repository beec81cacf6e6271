"""NDJSON to columns: a line for each row, with an object of its values, as strict as JSON is."""

import codecs
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from marshmallow import ValidationError

from service import json_columns, json_pieces
from service.columnar import check_names, check_size, fields_of, malformed
from service.problems import Problem
from service.settings import Settings

# One for all lines: to make a decoder takes longer than to decode a line.
DECODER = json.JSONDecoder(object_pairs_hook=json_columns.unique_keys, parse_constant=json_columns.refuse_constant)
# How writers space an object: what follows a value, and what a name. The wider comes first, as both start alike.
SPACINGS = ((", ", ": "), (",", ":"))
# No JSON string holds them, so that in their place other things can be marked.
CONTROLS = bytes(code for code in range(ord(" ")) if code != ord("\n"))
TO_LINES = bytes.maketrans(CONTROLS, b"\n" * len(CONTROLS))


def decode(body: bytes | bytearray, settings: Settings) -> dict[str, Any]:
    """The columns of lines with one object each, all of the same names.

    Raises `Problem` for what is no such lines or is too large, `ValidationError` for columns that there are not.
    """
    if body.startswith(codecs.BOM_UTF8):
        raise Problem("bad-encoding", "The body starts with a byte order mark. Leave it out.")
    if len(body) >= settings.max_values:
        check_size(0, sum(json_pieces.occurrences(body, character) for character in ",\n"), settings)
    columns = columns_of_like_lines(body, settings) or columns_of_any_lines(body, settings)
    return fields_of(columns)


def columns_of_any_lines(body: bytes | bytearray, settings: Settings) -> dict[str, Any]:
    """The columns of lines, one after the other, or what is wrong with the first that is wrong."""
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
    return {name: json_columns.column_of_list(column) for name, column in columns.items()}


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


# Lines that differ in nothing but their values, as one writer makes them


def columns_of_like_lines(body: bytes | bytearray, settings: Settings) -> dict[str, Any] | None:
    """The columns of lines that are all written as the first one is; None where some may not be, or have a fault.

    What stands between the values is cut out, and those of each name make an array of JSON, parsed as such, in which a
    line feed parts them. No string holds one, so two of them become one value of it only inside an array or object,
    which no column has. An array of as many values as rows thus has one of each, and is JSON only if they are.
    """
    end = body.find(b"\n") + 1 or len(body)
    try:
        first = row_of(bytes(body[:end]), 1)
        check_names(list(first))
    except (Problem, ValidationError):
        return None
    marks = marks_of(first, bytes(body[:end]))
    if marks is None:
        return None
    breaks = [b"],\n[" if isinstance(value, list) else b",\n" for value in first.values()]
    texts: list[list[bytes]] = [[] for _ in first]
    rows = 0
    for block in blocks_of_lines(body):
        values = values_between(marks, block)
        rows += len(values) // len(first) if values else 0
        if values is None or rows > settings.max_rows:
            return None
        for place, text in enumerate(texts):
            text.append(breaks[place].join(values[place :: len(first)]))
    columns = {}
    for place, name in enumerate(first):
        text, texts[place] = texts[place], []
        text[0] = b'{"":[' + breaks[place][3:] + text[0]
        text[-1] += breaks[place][:-3] + b"]}"
        try:
            columns[name] = json_columns.PARSERS[0](breaks[place].join(text))[""]
        except Problem:
            return None
    like = all(isinstance(column, np.ndarray | list) and len(column) == rows for column in columns.values())
    return columns if like else None


def marks_of(first: dict[str, Any], line: bytes) -> list[bytes] | None:
    """What the line of the first row has before the value of each name, and after the last; None for other spacings."""
    if len(first) > len(CONTROLS) or any(isinstance(value, dict) for value in first.values()):
        return None
    for comma, colon in SPACINGS:
        marks, after = [], "{"
        for name, value in first.items():
            before, behind = ("[", "]") if isinstance(value, list) else ("", "")
            marks.append(f"{after}{json.dumps(name)}{colon}{before}".encode())
            after = behind + comma
        if line.startswith(marks[0]):
            return [*marks, f"{behind}}}\n".encode()]
    return None


def blocks_of_lines(body: bytes | bytearray) -> Iterator[bytes]:
    """A body in pieces of whole lines."""
    start, view = 0, memoryview(body)
    while start < len(body):
        end = body.find(b"\n", start + json_pieces.BLOCK_BYTES) + 1 or len(body)
        yield bytes(view[start:end])
        start = end


def values_between(marks: list[bytes], block: bytes) -> list[bytes] | None:
    """What stands between the marks of some lines, row by row; None where the marks do not follow one another so."""
    head, *inner, tail = marks
    text = block if block.endswith(b"\n") else block + b"\n"
    if not text.startswith(head) or not text.endswith(tail) or text.translate(None, CONTROLS) != text:
        return None
    text = text[len(head) : -len(tail)]
    for control, mark in zip(CONTROLS, [*inner, tail + head], strict=False):
        text = text.replace(mark, bytes([control]))
    bytes_of_text = np.frombuffer(text, np.uint8)
    found = bytes_of_text[bytes_of_text < ord(" ")]
    expected = np.frombuffer(CONTROLS[: len(marks) - 1], np.uint8)
    if (len(found) + 1) % len(expected) or (found != np.resize(expected, len(found))).any():
        return None
    return text.translate(TO_LINES).split(b"\n")

"""JSON to columns: simdjson where it is installed, the standard json otherwise, both as strict.

simdjson hands an array of numbers to numpy without a Python object a number. It takes duplicate keys and a byte
order mark in silence and flattens nested arrays, so these are looked for here.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from schemas.fields import Faulty, bad_elements
from service.json_pieces import MARK, Columns, as_rows, numbers_of, occurrences, without_numbers
from service.problems import Problem

simdjson: Any
try:
    import simdjson
except ImportError:  # no wheel for this Python
    simdjson = None

# A longer body is not read a second time, by a slower parser, to say where it is wrong.
MOST_LOCATED = 1 << 20
# More keys than any object of a request has.
MOST_KEYS = 200
# More objects than any array of a request has.
MOST_OBJECTS = 200
# Parsers at rest keep the memory that a body took, as new pages for the next one cost as much as to parse it. What a
# longer body took is given back.
AT_REST: list[Any] = []
MOST_KEPT = 1 << 25
SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**64 - 1
CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*+"?|-?(?:NaN|Infinity)')
SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def decode(body: bytes | bytearray, max_values: int) -> Any:
    """The columns of a JSON object; any other JSON value as it is, for the schema to refuse.

    Raises `Problem` for what is not JSON in UTF-8, for a key that an object has twice, and for too many values.
    """
    if body.startswith(codecs.BOM_UTF8):
        raise Problem("bad-encoding", "The body starts with a byte order mark. Leave it out.")
    # There is one less than the values, or more where strings hold commas.
    if len(body) >= max_values and occurrences(body, ",") >= max_values:
        raise Problem("too-many-values", f"More than {max_values} values. Send fewer rows.")
    return PARSERS[0](body)


def at_most(body: bytes | bytearray, character: bytes, most: int) -> bool:
    """Whether an ASCII character stands in a body so often or less. Fast where that is a few times."""
    place = -1
    for _ in range(most + 1):
        place = body.find(character, place + 1)
        if place < 0:
            return True
    return False


def malformed(body: bytes | bytearray) -> Problem:
    """The refusal of a body that a parser did not read: where it stops being JSON, or what number it cannot hold."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return not_utf8()
    if not text.strip():
        return Problem("malformed-json", "The body is empty: no JSON starts at byte 0.")
    cause = " It is not JSON (RFC 8259), or a number in it does not fit in 64 bits."
    if len(text) <= MOST_LOCATED:
        try:
            json.loads(text, parse_constant=refuse_constant, parse_int=integer_within, parse_float=float_within)
        except Problem as problem:
            return problem
        except json.JSONDecodeError as error:
            cause = at_byte(text, error.pos)
        except NotJson:
            place = next(found.start() for found in CONSTANT.finditer(text) if not found[0].startswith('"'))
            cause = at_byte(text, place) + " NaN and Infinity are no JSON numbers."
        except (ValueError, RecursionError):  # too many digits, or too deep for this parser: no place to name
            pass
    return Problem("malformed-json", f"The body is not understood.{cause}")


def at_byte(text: str, position: int) -> str:
    """The place of a character in words."""
    return f" It stops being JSON (RFC 8259) at byte {len(text[:position].encode())}."


def integer_within(digits: str) -> int:
    """The integer; raises `Problem` where 64 bits do not hold it."""
    value = int(digits)
    if not SMALLEST_INTEGER <= value <= LARGEST_INTEGER:
        raise beyond_64_bits()
    return value


def float_within(digits: str) -> float:
    """The float; raises `Problem` where it is infinite."""
    value = float(digits)
    if math.isinf(value):
        raise Problem("nonfinite-number", "A number is too large for a 64-bit float.")
    return value


class NotJson(ValueError):
    """A constant that Python reads and JSON does not know."""


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity."""
    raise NotJson(name)


def not_utf8() -> Problem:
    """The refusal of a body in another encoding."""
    return Problem(
        "bad-encoding", "The body is not UTF-8. JSON is sent in UTF-8, and a compressed body with its Content-Encoding."
    )


def too_deep() -> Problem:
    """The refusal of a body whose nesting the parser does not follow."""
    return Problem("too-deep", "The body is nested deeper than any request is.")


def beyond_64_bits() -> Problem:
    """The refusal of an integer that no 64 bits hold."""
    return Problem("number-range", "An integer lies beyond 64 bits. Send a name as a string, a number as 1e20.")


def duplicate_key() -> Problem:
    """The refusal of an object with a key twice."""
    return Problem("duplicate-key", "An object has the same key twice. Send each key once.")


# The standard json


def parse_with_standard_json(body: bytes | bytearray) -> Any:
    """The columns of a body, by way of Python objects."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise not_utf8() from None
    try:
        value = json.loads(text, object_pairs_hook=unique_keys, parse_constant=refuse_constant)
    except RecursionError:
        raise too_deep() from None
    except ValueError:
        raise malformed(body) from None
    if SURROGATE_ESCAPE.search(body):
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise malformed(body) from None
    if not isinstance(value, dict):
        return value
    replace_lists(value)
    return value


def replace_lists(value: dict[str, Any]) -> None:
    """Put a column in the place of each list in an object and in the objects it holds."""
    objects = [value]
    for holder in objects:  # grows on its way
        for key, part in holder.items():
            if isinstance(part, dict):
                objects.append(part)
            elif isinstance(part, list):
                holder[key] = column_of_list(part)
            elif isinstance(part, int) and not SMALLEST_INTEGER <= part <= LARGEST_INTEGER:
                raise beyond_64_bits()


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of some pairs; raises `Problem` where a key comes twice."""
    check_keys([key for key, _ in pairs])
    return dict(pairs)


def check_keys(keys: list[str]) -> None:
    """Refuse an object with a key twice, or with more keys than any object of a request has."""
    if len(keys) > MOST_KEYS:
        raise Problem(
            "limit-exceeded", f"An object has more than {MOST_KEYS} keys. No object of a request has so many."
        )
    if len(set(keys)) < len(keys):
        raise duplicate_key()


def check_objects(number: int) -> None:
    """Refuse an array of more objects than any of a request has."""
    if number > MOST_OBJECTS:
        raise Problem(
            "limit-exceeded", f"An array has more than {MOST_OBJECTS} objects. No array of a request has so many."
        )


def column_of_list(values: list[Any]) -> Any:
    """The column of a list: an array if it holds numbers or equally long rows of numbers."""
    types = set(map(type, values))
    if values and isinstance(values[0], list):
        return matrix_of_lists(values)
    if values and isinstance(values[0], dict):
        check_objects(len(values))
        return Faulty(bad_elements(values, wrong_scalar), objects=values)
    if list in types or dict in types:
        return Faulty(bad_elements(values, wrong_scalar))
    return array_of_numbers(values) if types <= {int, float} else values


def array_of_numbers(values: list[Any]) -> Any:
    """An int64 array if all are integers and fit, else a float64 array."""
    integers = [value for value in values if type(value) is int]
    low, high = min(integers, default=0), max(integers, default=0)
    if low < SMALLEST_INTEGER or high > LARGEST_INTEGER:
        raise beyond_64_bits()
    if len(integers) == len(values) > 0 and high < 2**63:
        return np.array(values, dtype=np.int64)
    return np.array(values, dtype=np.float64)


def matrix_of_lists(rows: list[Any]) -> Any:
    """A 2-d array of equally long rows of numbers, else what is wrong with which rows."""
    width = len(rows[0])
    errors = bad_elements(rows, lambda row: wrong_row(row, width, list))
    return (
        Faulty(errors, rows)
        if errors
        else array_of_numbers([value for row in rows for value in row]).reshape(-1, width)
    )


def wrong_row(row: Any, width: int, array_type: type[Any]) -> str | None:
    """What is wrong with a row that should hold as many numbers as the first."""
    if type(row) is not array_type:
        return "Not an array, like the first row."
    if len(row) == 0:
        return "The row is empty."
    if len(row) != width:
        return "The row is not as long as the first."
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in row):
        return "The row holds something other than numbers."
    return None


# simdjson


def parse_with_simdjson(body: bytes | bytearray) -> Any:
    """The columns of a body, numbers without Python objects in between."""
    parser = AT_REST.pop() if AT_REST else simdjson.Parser()
    rest, numbers = without_numbers(parser, body)
    try:
        try:
            columns, flat = read_by(parser, rest, numbers)
        except Misplaced:
            columns, flat = read_by(simdjson.Parser(), body, [])
    except UnicodeDecodeError:
        raise not_utf8() from None
    except ValueError:
        raise malformed(body) from None
    except RuntimeError as error:
        raise (too_deep() if str(error).startswith("DEPTH_ERROR") else beyond_64_bits()) from None
    if flat and len(rest) <= MOST_KEPT:
        AT_REST.append(parser)
    return columns


@contextmanager
def parsers_at_rest() -> Iterator[None]:
    """Let go of the parsers at rest where memory is short: what they keep may be what is missing next time, too."""
    try:
        yield
    except MemoryError:
        AT_REST.clear()
        raise


def read_by(parser: Any, body: bytes | bytearray, numbers: Columns) -> tuple[Any, bool]:
    """The columns of a body, with these in their places, and whether nothing in them refers to the parser."""
    value = parser.parse(body)
    if not isinstance(value, simdjson.Object):
        return ([] if isinstance(value, simdjson.Array) else value), True
    objects, arrays = unfolded(value)
    # simdjson flattens nested arrays. Brackets and braces tell whether there can be any.
    flat = at_most(body, b"[", len(arrays)) and at_most(body, b"{", len(objects))
    for holder, key, array in arrays:
        holder[key] = column_of_array(array, flat=flat)
    if not flat:
        accounted = sum(1 + arrays_in(array, holder[key]) for holder, key, array in arrays)
        if occurrences(body, "[") != accounted:
            for holder, key, array in arrays:
                holder[key] = verified(array, holder[key])
    places = [(holder, key) for holder, key, _ in arrays if numbers and stands_for_numbers(holder[key])]
    if len(places) < len(numbers):
        raise Misplaced
    for holder, key in places:
        holder[key] = numbers[holder[key][1]]
    return objects[0], flat


class Misplaced(Exception):
    """Some numbers stand where no column does."""


def stands_for_numbers(column: Any) -> bool:
    """Whether a column was put in the place of numbers."""
    return isinstance(column, np.ndarray) and column.shape == (2,) and column[0] == MARK


def unfolded(value: Any) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], str, Any]]]:
    """An object and all objects in it; and all their arrays, each with the object that holds it and the key there."""
    objects, arrays = [unread(value)], []
    for holder in objects:  # grows on its way
        for key, part in holder.items():
            if isinstance(part, simdjson.Object):
                holder[key] = unread(part)
                objects.append(holder[key])
            elif isinstance(part, simdjson.Array):
                arrays.append((holder, key, part))
    return objects, arrays


def unread(value: Any) -> dict[str, Any]:
    """The values of an object by key, arrays and objects unread. Raises `Problem` where a key comes twice."""
    keys = list(value.keys())
    check_keys(keys)
    # simdjson looks a key up only to its first NUL. No request that is answered has such keys.
    return {key: None if "\0" in key else value[key] for key in keys}


def column_of_array(array: Any, *, flat: bool) -> Any:
    """The column of an array; `flat` promises that it holds no arrays and no objects."""
    numbers = numbers_of(array)
    if flat:
        return array.as_list() if numbers is None else numbers
    if len(array) and isinstance(array[0], simdjson.Array):
        rows = None if numbers is None else as_rows(array, numbers)
        if rows is not None:
            return rows
        width = len(array[0])
        return Faulty(bad_elements(array, lambda row: wrong_row(row, width, simdjson.Array)), map(elements_of, array))
    if numbers is not None and numbers.size == len(array):
        return numbers
    if len(array) and isinstance(array[0], simdjson.Object):
        check_objects(len(array))
        return Faulty(bad_elements(array, wrong_scalar), objects=[plain(element) for element in array])
    errors = bad_elements(array, wrong_scalar)
    return Faulty(errors) if errors else array.as_list()


def plain(value: Any) -> Any:
    """The value as Python has it. Raises `Problem` where an object in it has a key twice."""
    if isinstance(value, simdjson.Object):
        return {key: plain(part) for key, part in unread(value).items()}
    return [plain(part) for part in value] if isinstance(value, simdjson.Array) else value


def elements_of(row: Any) -> Any:
    """The elements of an array as a list; any other value as it is."""
    return list(row) if isinstance(row, simdjson.Array) else row


def arrays_in(array: Any, column: Any) -> int:
    """How many elements of an array are arrays, as far as its column tells."""
    if isinstance(column, np.ndarray):
        return len(column) if column.ndim == 2 else 0
    rows = isinstance(column, Faulty) and column.rows is not None
    return sum(isinstance(row, simdjson.Array) for row in array) if rows else 0


def verified(array: Any, column: Any) -> Any:
    """The column if the array nests no deeper than it, else what is wrong with which elements."""
    if not isinstance(column, np.ndarray):
        return column
    wrong = wrong_scalar
    if column.ndim == 2:
        wrong = partial(wrong_row, width=column.shape[1], array_type=simdjson.Array)
    errors = bad_elements(array, wrong)
    return Faulty(errors) if errors else column


def wrong_scalar(value: Any) -> str | None:
    """What is wrong with an element of a column of scalars."""
    return "An array or an object where one value belongs." if isinstance(value, CONTAINERS) else None


# A body is decoded by the first of these.
PARSERS = [parse_with_simdjson, parse_with_standard_json] if simdjson else [parse_with_standard_json]
CONTAINERS = (list, dict, simdjson.Array, simdjson.Object) if simdjson else (list, dict)

"""The long arrays of numbers in a JSON body, read in pieces: a parser that had room for the whole would fill new pages.

What is not plainly such an array is left in its place, for the parser of the rest to read or to refuse.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What a parser reads at a time: what it writes stays in the cache of the processor.
PIECE_BYTES = 1 << 18
BLOCK_BYTES = 1 << 18
# No request has more arrays before its long ones.
MOST_ARRAYS = 200
# Stands before the number of an array that was read in pieces; a body that has it is read whole.
MARK = -(2**63) + 987654321
# A name, a colon and white space end here, before the value.
MOST_SPACE = 64

Columns = list[NDArray[Any]]


def occurrences(body: bytes | bytearray, character: str, start: int = 0, end: int | None = None) -> int:
    """How often an ASCII character stands in a body, or between two places of it."""
    view = np.frombuffer(body, dtype=np.uint8)[start:end]
    return sum(
        int(np.count_nonzero(view[at : at + BLOCK_BYTES] == ord(character))) for at in range(0, len(view), BLOCK_BYTES)
    )


def without_numbers(parser: Any, body: bytes | bytearray) -> tuple[bytes | bytearray, Columns]:
    """The body with a short array of `MARK` and a number in the place of each long array of numbers, and these."""
    columns: Columns = []
    if len(body) < 2 * PIECE_BYTES:
        return body, columns
    mark = str(MARK).encode()
    rest = bytearray()
    kept = 0
    for start, end in long_arrays(body):
        column = numbers_between(parser, body, start, end)
        if column is not None:
            rest += memoryview(body)[kept:start]
            rest += b"%b,%d" % (mark, len(columns))
            columns.append(column)
            kept = end
    rest += memoryview(body)[kept:]
    return (rest, columns) if rest.count(mark) == len(columns) > 0 else (body, [])


def long_arrays(body: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """Where the elements start and end of what may be long arrays of numbers, and are values of objects.

    No string begins or ends between the two places; there may be brackets and whatever else.
    """
    seen, quotes = 0, 0
    place = body.find(b"[")
    for _ in range(MOST_ARRAYS):
        if place < 0:
            return
        following = body.find(b'"', place)
        end = body.rfind(b"]", place, following if following >= 0 else None)
        if end - place >= PIECE_BYTES:
            if body.find(b"\\", seen, place) >= 0:
                return  # it may be a quote that is none
            quotes += occurrences(body, '"', seen, place)
            seen = place
            value = body[max(0, place - MOST_SPACE) : place].rstrip().endswith(b":")
            if quotes % 2 == 0 and value:
                yield place + 1, end
                place = end
        place = body.find(b"[", place + 1)


def numbers_between(parser: Any, body: bytes | bytearray, start: int, end: int) -> Any:
    """The numbers, or equally long rows of numbers, that stand between two places; None where something else does."""
    rows = body[start : start + MOST_SPACE].lstrip().startswith(b"[")
    parts: Columns = []
    try:
        for piece in pieces(body, start, end, rows=rows):
            array = parser.parse(piece)
            numbers = numbers_of(array)
            if numbers is None or not numbers.size:
                return None
            if not rows and piece.find(b"[", 1) >= 0:
                return None
            if rows:
                numbers = as_rows(array, numbers)
                if numbers is None or occurrences(piece, "[") != 1 + len(numbers):
                    return None
            del array
            parts.append(numbers)
        return np.concatenate(parts)
    except (ValueError, TypeError, RuntimeError):
        return None


def pieces(body: bytes | bytearray, start: int, end: int, *, rows: bool) -> Iterator[bytearray]:
    """Arrays of some elements each, which together are the elements between two places."""
    view = memoryview(body)
    while start <= end:
        stop = body.find(b"]", start + PIECE_BYTES, end) if rows else start + PIECE_BYTES
        stop = body.find(b",", stop, end) if 0 <= stop < end else end
        stop = end if stop < 0 else stop
        piece = bytearray(b"[")
        piece += view[start:stop]
        piece += b"]"
        yield piece
        start = stop + 1


def numbers_of(array: Any) -> Any:
    """All numbers of an array and of the arrays in it, int64 if they all are, else float64; None if it holds others."""
    for of_type, dtype in (("i", np.int64), ("d", np.float64)):
        try:
            return np.frombuffer(array.as_buffer(of_type=of_type), dtype=dtype)
        except (TypeError, ValueError):
            continue
    return None


def as_rows(array: Any, numbers: Any) -> Any:
    """The numbers of an array of equally long rows of numbers, in rows; None where it is none."""
    width = len(array[0])
    even = all_of_width(array, width) and numbers.size == len(array) * width
    return numbers.reshape(-1, width) if even else None


def all_of_width(array: Any, width: int) -> bool:
    """Whether every element is an array, or object, of that length, which is above 0."""
    try:
        return width > 0 and set(map(len, array)) == {width}
    except TypeError:
        return False

"""Arrow IPC streams to columns, by pyarrow, which is first imported when it is first needed.

Nothing in a stream is believed: its sizes are counted and its buffers validated before a value is read.
"""

import importlib
import struct
from collections.abc import Iterator
from functools import cache
from struct import unpack_from
from typing import Any

import numpy as np

from schemas.fields import INT64
from service import json_columns
from service.columnar import check_names, check_size, fields_of, refusing
from service.problems import Problem
from service.settings import Settings

NO_STREAM = "It is no Arrow IPC stream."
TYPES = (
    "Columns hold numbers of at most 64 bits, booleans or strings, dictionaries of them, or lists of "
    "numbers, booleans or strings."
)
# Of the tables of a message (Arrow's Message.fbs): places of fields, and the tag of a dictionary.
HEADER_TYPE, HEADER = 1, 2
DATA, BUFFERS, COMPRESSION = 1, 2, 3
DICTIONARY = 2


@cache
def pyarrow() -> Any:
    """pyarrow, on one thread and giving memory back."""
    arrow = importlib.import_module("pyarrow")
    arrow.set_cpu_count(1)
    arrow.set_memory_pool(arrow.system_memory_pool())
    return arrow


def decode(body: bytes | bytearray, settings: Settings) -> dict[str, Any]:
    """The columns of an Arrow IPC stream.

    Raises `Problem` for what is no such stream or is too large, `ValidationError` for columns that there are not.
    """
    arrow = pyarrow()
    with refusing(NO_STREAM, arrow.ArrowException, struct.error, OSError, UnicodeDecodeError):
        check_compressed(arrow, body, settings)
        stream = arrow.ipc.open_stream(arrow.py_buffer(body))
        check_names(stream.schema.names)
        check_types(arrow, stream.schema)
        batches = list(valid_batches(arrow.types, stream, settings))
    columns = {}
    for place, name in enumerate(stream.schema.names):
        columns[name] = column_of(arrow, [batch.column(place) for batch in batches])
    return fields_of(columns)


def check_compressed(arrow: Any, body: bytes | bytearray, settings: Settings) -> None:
    """Refuse streams whose compressed buffers would become too large."""
    size = 0
    for message in arrow.ipc.MessageReader.open_stream(arrow.py_buffer(body)):
        if message.type in ("record batch", "dictionary"):
            size += sum(decompressed_sizes(bytes(message.metadata), message.body))
        if size > settings.max_decoded_bytes:
            raise Problem("body-too-large", f"The buffers are larger than {settings.max_decoded_bytes} bytes.")


def decompressed_sizes(message: bytes, buffers: Any) -> Iterator[int]:
    """What each buffer of a batch, or of a dictionary, says that it decompresses to; nothing where none is compressed.

    `message` is the metadata. A compressed buffer starts with its size, or with -1 where it is as it was.
    """

    def follow(place: int) -> int:
        return place + int(unpack_from("<I", message, place)[0])

    def field(table: int, number: int) -> int:
        """Where a field of a table is, 0 where the table has none."""
        index = table - unpack_from("<i", message, table)[0]
        if index < 0:
            raise struct.error
        if 4 + 2 * number >= unpack_from("<H", message, index)[0]:
            return 0
        offset = unpack_from("<H", message, index + 4 + 2 * number)[0]
        return table + int(offset) if offset else 0

    table = follow(0)
    batch = follow(field(table, HEADER))
    if message[field(table, HEADER_TYPE)] == DICTIONARY:
        batch = follow(field(batch, DATA))
    listed = field(batch, BUFFERS)
    if not field(batch, COMPRESSION) or not listed:
        return
    vector = follow(listed)
    for place in range(unpack_from("<I", message, vector)[0]):
        start, length = unpack_from("<qq", message, vector + 4 + 16 * place)
        if length:
            size = unpack_from("<q", buffers, start)[0] if start >= 0 else -2
            if size < -1:
                raise struct.error
            yield length if size == -1 else size


def check_types(arrow: Any, schema: Any) -> None:
    """Refuse columns of types that no column has."""
    for field in schema:
        if not is_readable(arrow.types, field.type):
            raise Problem("schema", f"A column is of a type that is not taken. {TYPES}", [(f"#/{field.name}", TYPES)])


def is_readable(types: Any, kind: Any, *, nested: bool = False) -> bool:
    """Whether a column, or the rows of one, may be of an Arrow type."""
    if types.is_dictionary(kind):
        return not nested and is_readable(types, kind.value_type, nested=True)
    if is_list(types, kind):
        return not nested and is_readable(types, kind.value_type, nested=True)
    return any(
        of_kind(kind)
        for of_kind in (
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_string,
            types.is_large_string,
            types.is_null,
        )
    )


def is_list(types: Any, kind: Any) -> bool:
    """Whether an Arrow type is of lists that can be matrices."""
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def valid_batches(types: Any, stream: Any, settings: Settings) -> Iterator[Any]:
    """The batches of a stream, each once it is counted and validated."""
    rows = values = size = 0
    for batch in stream:
        rows += batch.num_rows
        size += batch.get_total_buffer_size()
        check_size(rows, 0, settings)
        if size > settings.max_decoded_bytes:
            raise Problem("body-too-large", f"The batches are larger than {settings.max_decoded_bytes} bytes.")
        batch.validate(full=True)
        values += sum(values_in(types, column) for column in batch.columns)
        check_size(rows, values, settings)
        yield batch


def values_in(types: Any, column: Any) -> int:
    """How many values a valid Arrow array holds."""
    return len(column.flatten()) if is_list(types, column.type) else len(column)


def column_of(arrow: Any, chunks: list[Any]) -> Any:
    """The column of some Arrow arrays of one type, as that of the same values in JSON."""
    parts = [numbers_of(arrow.types, chunk) for chunk in chunks]
    if all(part is not None for part in parts) and len({part.shape[1:] for part in parts}) == 1:
        return as_json_has_them(np.concatenate(parts))
    return json_columns.column_of_list([value for chunk in chunks for value in list_of(arrow, chunk)])


def numbers_of(types: Any, chunk: Any) -> Any:
    """An array of numbers, or of equally long rows of them, without nulls; None where it is no such array."""
    if chunk.null_count:
        return None
    if types.is_integer(chunk.type) or types.is_floating(chunk.type):
        return chunk.to_numpy(zero_copy_only=False)
    if not is_list(types, chunk.type) or not len(chunk):
        return None
    flat = numbers_of(types, chunk.flatten())
    if flat is None:
        return None
    if types.is_fixed_size_list(chunk.type):
        return flat.reshape(len(chunk), -1)
    lengths = np.diff(chunk.offsets.to_numpy())
    width = lengths[0]
    return flat.reshape(-1, width) if width and (lengths == width).all() else None


def as_json_has_them(numbers: Any) -> Any:
    """Numbers as int64 where they are integers that fit, else as float64."""
    fit = numbers.dtype.kind in "iu" and (numbers.size == 0 or numbers.max() <= INT64.max)
    return numbers.astype(np.int64 if fit else np.float64)


def list_of(arrow: Any, chunk: Any) -> list[Any]:
    """The values of an Arrow array. Of a dictionary no more is read than the rows ask for."""
    if not arrow.types.is_dictionary(chunk.type):
        return chunk.to_pylist()  # type: ignore[no-any-return]  # pyarrow has no types
    names, places = chunk.dictionary, chunk.indices.to_pylist()
    if len(names) > len(places):
        used = sorted(set(places) - {None})
        place_of = {place: new for new, place in enumerate(used)}
        names, places = names.take(arrow.array(used, arrow.int64())), [place_of.get(place) for place in places]
    found = names.to_pylist()
    return [None if place is None else found[place] for place in places]

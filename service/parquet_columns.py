"""Parquet files to columns, by pyarrow.

Nothing in a file is believed: the headers of all pages are read first, and bound what is decoded. Strings are decoded
as dictionaries, so that a long one in many rows is held once.
"""

import importlib
import re
from collections.abc import Iterator
from typing import Any

from service.arrow_columns import check_types, column_of, is_list, pyarrow, valid_batches
from service.columnar import check_names, check_size, fields_of, malformed, refusing
from service.parquet_pages import pages_of
from service.problems import Problem
from service.settings import Settings

# Of files by early writers pyarrow reads more than the metadata say, as these left something out (PARQUET-816).
PADDED = re.compile(r"parquet-mr(?! version (1\.([3-9]|\d\d)|[2-9]))", re.IGNORECASE)
NO_FILE = "It is no Parquet file, or is encrypted, or in an encoding or of a codec that is not read."


def decode(body: bytes | bytearray, settings: Settings) -> dict[str, Any]:
    """The columns of a Parquet file.

    Raises `Problem` for what is no such file or is too large, `ValidationError` for columns that there are not.
    """
    arrow, parquet = pyarrow(), importlib.import_module("pyarrow.parquet")
    with refusing(NO_FILE, arrow.ArrowException, OSError, ValueError, LookupError, OverflowError):
        check_pages(body, settings)
        source = arrow.BufferReader(arrow.py_buffer(body))
        metadata = parquet.read_metadata(source)
        check_size(metadata.num_rows, 0, settings)
        if PADDED.search(metadata.created_by or ""):
            raise malformed(NO_FILE)
        leaves = [metadata.schema.column(place) for place in range(metadata.num_columns)]
        strings = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        file = parquet.ParquetFile(source, metadata=metadata, read_dictionary=strings, pre_buffer=False)
        schema = metadata.schema.to_arrow_schema()
        check_names(schema.names)
        check_types(arrow, schema)
        batches = list(valid_batches(arrow.types, batches_of(arrow, file, settings), settings))
    return fields_of({name: column_of(arrow, [batch.column(name) for batch in batches]) for name in schema.names})


def check_pages(body: bytes | bytearray, settings: Settings) -> None:
    """Refuse a file that would become too large, before a page of it is decoded."""
    size = values = 0
    for page in pages_of(body):
        size, values = size + page.size, values + page.values
        check_size(0, values, settings)
        if size > settings.max_decoded_bytes:
            raise too_large(settings)


def too_large(settings: Settings) -> Problem:
    """The refusal of columns that would take too much memory."""
    return Problem("body-too-large", f"The columns are larger than {settings.max_decoded_bytes} bytes.")


def batches_of(arrow: Any, file: Any, settings: Settings) -> Iterator[Any]:
    """The batches of a file, one row group after the other."""
    for group in range(file.num_row_groups):
        for batch in file.read_row_group(group, use_threads=False).to_batches():
            batch.validate(full=True)
            columns = [written_out(arrow, column, settings) for column in batch.columns]
            yield arrow.RecordBatch.from_arrays(columns, batch.schema.names)


def written_out(arrow: Any, column: Any, settings: Settings) -> Any:
    """The column, strings in lists instead of places in a dictionary. Refuses what would become too large."""
    kind = column.type
    if not is_list(arrow.types, kind) or not arrow.types.is_dictionary(kind.value_type):
        return column
    places = column.flatten()
    longest = max((len(name) for name in places.dictionary.cast("binary").to_pylist() if name), default=0)
    if longest * len(places) > settings.max_decoded_bytes:
        raise too_large(settings)
    return column.cast(arrow.large_list(arrow.large_string()))

"""The table of media types: columns from bytes, and bytes from a report."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from service import arrow_columns, csv_columns, json_columns, line_columns, parquet_columns
from service.settings import Settings

JSON = "application/json"
# An answer is made of new objects, so that none holds itself.
ENCODER = json.JSONEncoder(check_circular=False, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True)
class MediaType:
    """How a body of this type becomes columns.

    A columnar one holds the columns alone, and options come as query parameters. Some `need` a package that an extra
    of the installation brings.
    """

    decode: Callable[[bytes | bytearray, Settings], Any]
    about: str
    columnar: bool = True
    needs: str = ""

    def installed(self) -> bool:
        """Whether this installation reads it."""
        return not self.needs or find_spec(self.needs) is not None

    def serves(self, verb: str) -> bool:
        """Whether requests of a verb may come so, here. Candidates are no columns: they come as JSON."""
        return (verb == "report" or not self.columnar) and self.installed()


ACCEPTED: dict[str, MediaType] = {
    JSON: MediaType(
        lambda body, settings: json_columns.decode(body, settings.max_values), "Columns and options.", columnar=False
    ),
    "application/vnd.apache.arrow.stream": MediaType(arrow_columns.decode, "An Arrow IPC stream.", needs="pyarrow"),
    "application/vnd.apache.parquet": MediaType(
        parquet_columns.decode, "A Parquet file, of any codec, not encrypted.", needs="pyarrow"
    ),
    "text/csv": MediaType(csv_columns.decode, "A header and a line for each row.", needs="pyarrow"),
    "application/x-ndjson": MediaType(line_columns.decode, "A line for each row, with an object of its values."),
}


def accepted(verb: str) -> dict[str, MediaType]:
    """The media types in which requests of a verb may come."""
    return {name: kind for name, kind in ACCEPTED.items() if kind.serves(verb)}


def encode(answer: Any) -> bytes:
    """An answer as JSON. The same answer gives the same bytes."""
    return ENCODER.encode(answer).encode()

"""The table of media types: columns from bytes, and bytes from a report."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service import json_columns

JSON = "application/json"


@dataclass(frozen=True)
class MediaType:
    """How a body of this type becomes columns; the decoder takes the body and the most values it may hold."""

    decode: Callable[[bytes | bytearray, int], Any]


ACCEPTED: dict[str, MediaType] = {JSON: MediaType(json_columns.decode)}


def encode(answer: Any) -> bytes:
    """An answer as JSON. The same answer gives the same bytes."""
    return json.dumps(answer, allow_nan=False, separators=(",", ":")).encode()

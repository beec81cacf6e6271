"""Bodies that hold nothing but columns: what those are called, and how query parameters bring the options.

The decoders of such bodies give the columns as `service.json_columns` gives them, so that nothing behind them knows
how they came.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from marshmallow import ValidationError

from schemas.complaints import Complaint
from schemas.names import nearest
from service import json_columns
from service.problems import Problem
from service.settings import Settings

NAMES = ("labels", "scores", "predictions", "sample_weight", "queries")
GROUP = "group."
# Of files that are called CSV, too.
OTHER_DELIMITERS = ";\t|"
KNOWN = f"The columns are {', '.join(NAMES)}, and {GROUP}NAME for each name of groups."


def malformed(what: str) -> Problem:
    """The refusal of a body that is not what its media type says."""
    return Problem("malformed-body", f"The body is not understood. {what}")


@contextmanager
def refusing(what: str, *failures: type[Exception]) -> Iterator[None]:
    """Refuse a body on which Arrow fails like this. Where memory is short, which Arrow tells likewise, raise that."""
    try:
        yield
    except MemoryError:
        raise
    except failures:
        raise malformed(what) from None


def check_names(names: list[str]) -> None:
    """Refuse columns that come twice, that there are not, or none at all."""
    if not names:
        raise malformed("It has no columns.")
    if len(names) > json_columns.MOST_KEYS:
        raise Problem(
            "limit-exceeded", f"There are more than {json_columns.MOST_KEYS} columns. No request has so many."
        )
    if len(set(names)) < len(names):
        raise Problem("duplicate-key", "Two columns have the same name. Send each once.")
    unknown = {name: [no_column(name)] for name in names if name not in NAMES and not name.startswith(GROUP)}
    if unknown:
        raise ValidationError(dict(unknown))


def no_column(name: str) -> Complaint:
    """What is said of a column that there is not."""
    apart = " Put commas between columns." if any(other in name for other in OTHER_DELIMITERS) else ""
    return Complaint(f"There is no such column.{nearest(name, NAMES)}{apart} {KNOWN} Options are query parameters.")


def check_size(rows: int, values: int, settings: Settings) -> None:
    """Refuse more rows or values than are taken, before they are decoded."""
    if rows > settings.max_rows:
        raise Problem("too-many-rows", f"More than {settings.max_rows} rows. Send fewer.")
    if values > settings.max_values:
        raise Problem("too-many-values", f"More than {settings.max_values} values. Send fewer rows.")


def fields_of(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request that some columns are: those of groups stand together."""
    fields = {name: column for name, column in columns.items() if not name.startswith(GROUP)}
    groups = {name.removeprefix(GROUP): column for name, column in columns.items() if name.startswith(GROUP)}
    return fields | {"groups": groups} if groups else fields


def options_of(query: bytes) -> dict[str, Any]:
    """The options of a query string. Raises `Problem` where one comes twice, or is a column."""
    if query.count(b"&") >= json_columns.MOST_KEYS:
        raise Problem("limit-exceeded", f"The query has more than {json_columns.MOST_KEYS} parameters.")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem("bad-request", "The query is not UTF-8.") from None
    options = {name: option(value) for name, value in pairs}
    if len(options) < len(pairs):
        raise Problem("duplicate-key", "A query parameter comes twice. Send each once; a list is JSON, as k=[1,5].")
    if options.keys() & {*NAMES, "groups"}:
        raise Problem("unknown-parameter", "A query parameter has the name of a column. Columns belong in the body.")
    return options


def option(value: str) -> Any:
    """What a query parameter says: its value as JSON where it is JSON, else as a string."""
    try:
        json.loads(value, parse_constant=json_columns.refuse_constant)
    except (ValueError, RecursionError):
        return value
    return json_columns.parse_with_standard_json(b'{"":' + value.encode() + b"}")[""]

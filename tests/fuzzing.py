"""Damaged bodies in every coding the service decodes, and what another reader makes of those that it takes.

The other reader is the standard library, or pyarrow asked for plain Python values; its values are sent as JSON.
"""

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service import body, media
from tests.encodings import ARROW, CSV, LINES, PARQUET, WRITTEN

ROUTE = "/v1/binary/report"
COLUMNS = {
    "labels": [0, 1, 1, 0, 1, 0],
    "scores": [0.25, 0.75, 0.5, 0.125, 1e-3, 0.5],
    "sample_weight": [1.0, 2.0, 1.0, 0.5, 3.0, 1.0],
    "group.region": ["north", "south", "\N{SNOWMAN}", "north", "a, b", 'q"q'],
}
# What decoders trip over: lengths, signs, marks of their grammars.
TOKENS = [
    b"\x00",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"-1",
    b"1e999",
    b"NaN",
    b"null",
    b'"',
    b",",
    b"{",
]
TOKENS += [
    b"}",
    b"[",
    b"]",
    b"\n",
    b"\r\n",
    b"\\u0000",
    b"\xc3\x28",
    b"1",
    b"0",
    b".",
    b"true",
    b"PAR1",
    b"ARROW1",
    b":",
]


def as_json(columns: dict[str, list[Any]]) -> bytes:
    """Columns of a columnar body as the fields of a JSON request."""
    fields: dict[str, Any] = {name: column for name, column in columns.items() if not name.startswith("group.")}
    groups = {name.removeprefix("group."): columns[name] for name in columns if name not in fields}
    return json.dumps(fields | ({"groups": groups} if groups else {})).encode()


def of_table(table: pa.Table) -> bytes:
    return as_json(dict(zip(table.column_names, (column.to_pylist() for column in table.columns), strict=True)))


def of_arrow(sent: bytes) -> bytes:
    return of_table(pa.ipc.open_stream(sent).read_all())


def of_parquet(sent: bytes) -> bytes:
    return of_table(pq.ParquetFile(io.BytesIO(sent)).read())


def strictly(sent: bytes) -> Any:
    """JSON in which no object has a key twice."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    return json.loads(sent, object_pairs_hook=unique)


def of_lines(sent: bytes) -> bytes:
    rows = [strictly(line) for line in sent.split(b"\n") if line.strip()]
    assert all(row.keys() == rows[0].keys() for row in rows)
    return as_json({name: [row[name] for row in rows] for name in rows[0]})


def of_csv(sent: bytes) -> bytes:
    names, *rows = (row for row in csv.reader(io.StringIO(sent.decode(), newline="")) if row)
    assert {len(row) for row in rows} == {len(names)}
    columns = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    return as_json({name: typed(name, cells) for name, cells in columns.items()})


def typed(name: str, cells: list[str]) -> list[Any]:
    """The cells of a column as documented: numbers of scores and weights; else integers, booleans, or strings."""
    if name in {"scores", "sample_weight"}:
        return [float(cell) for cell in cells]
    if all(re.fullmatch(r"-?(0|[1-9][0-9]*)", cell) for cell in cells):
        return [int(cell) for cell in cells]
    return [cell == "true" for cell in cells] if set(cells) <= {"true", "false"} else list(cells)


class Decoder(NamedTuple):
    """A decoder under fuzz: a body that is fine, its headers, and another reader that gives the same as JSON."""

    valid: bytes
    headers: dict[str, str]
    read: Callable[[bytes], bytes]


def as_media(kind: str, read: Callable[[bytes], bytes]) -> Decoder:
    return Decoder(WRITTEN[kind](COLUMNS), {"Content-Type": kind}, read)


def as_coding(coding: str, compress: Callable[[bytes], bytes], decompress: Callable[[bytes], bytes]) -> Decoder:
    headers = {"Content-Type": media.JSON, "Content-Encoding": coding}
    return Decoder(compress(as_json(COLUMNS)), headers, decompress)


zstd = body.zstd_module()
DECODERS = {
    media.JSON: Decoder(
        as_json(COLUMNS), {"Content-Type": media.JSON}, lambda sent: json.dumps(strictly(sent)).encode()
    ),
    ARROW: as_media(ARROW, of_arrow),
    PARQUET: as_media(PARQUET, of_parquet),
    CSV: as_media(CSV, of_csv),
    LINES: as_media(LINES, of_lines),
    "gzip": as_coding("gzip", gzip.compress, gzip.decompress),
    **({"zstd": as_coding("zstd", zstd.compress, zstd.decompress)} if zstd else {}),
}


# What parts the tokens of texts.
STRUCTURE = b',:[]{}"\n'


@st.composite
def damaged(draw: st.DrawFn, valid: bytes) -> bytes:
    """A valid body after a few changes: bits, cuts, repetitions, tokens of its grammar and of others.

    Half of them begin and end where a token does, so that what is made is often nearly right.
    """
    made = bytearray(valid)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 4)))):
        if draw(st.booleans()):
            between = [0, *(place + 1 for place, byte in enumerate(made) if byte in STRUCTURE), len(made)]
            first = draw(st.integers(0, len(between) - 1))
            last = min(len(between) - 1, first + draw(st.integers(0, 24)))
            start, end = between[first], between[last]
        else:
            start = draw(st.integers(0, len(made)))
            end = min(len(made), start + draw(st.integers(0, 12)))
        match draw(st.sampled_from(("flip", "token", "over", "cut", "repeat", "end", "bytes"))):
            case "flip" if start < len(made):
                made[start] ^= 1 << draw(st.integers(0, 7))
            case "token":
                made[start:start] = draw(st.sampled_from(TOKENS))
            case "over":
                made[start:end] = draw(st.sampled_from(TOKENS))
            case "cut":
                del made[start:end]
            case "repeat":
                made[end:end] = made[start:end] * draw(st.integers(1, 3))
            case "end":
                del made[start:]
            case "bytes":
                made[start:end] = draw(st.binary(max_size=12))
    return bytes(made)


def fuzz(client: FlaskClient, name: str, examples: int) -> Counter[int]:
    """Send so many damaged bodies to a decoder: how often each status came. Fails with a body that shows a defect."""
    decoder, statuses = DECODERS[name], Counter[int]()

    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(decoder.valid))
    def is_right_or_refused(sent: bytes) -> None:
        answer = client.post(ROUTE, data=sent, headers=decoder.headers)
        statuses[answer.status_code] += 1
        if answer.status_code == 200:
            right = client.post(ROUTE, data=decoder.read(sent), content_type=media.JSON)
            assert answer.data == right.data, (right.status_code, right.text[:200])
        else:
            assert 400 <= answer.status_code < 500, answer.text
            assert answer.content_type == "application/problem+json"

    is_right_or_refused()
    return statuses

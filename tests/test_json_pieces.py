"""Bodies whose arrays are read in pieces give the columns, or the refusal, that they give when they are read whole."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.fields import Faulty
from service import json_columns, json_pieces
from service.json_columns import PARSERS
from service.problems import Problem
from tests.tasks.known import EXAMPLES

simdjson = pytest.importorskip("simdjson", reason="without it no parser reads pieces")

SETTINGS = settings(max_examples=3 * EXAMPLES, deadline=None, derandomize=True)
NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text('[]{},:"\\ 1a\n', max_size=9)
ROWS = st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(NUMBERS, min_size=width, max_size=width), max_size=9))
ARRAYS = (
    st.lists(NUMBERS, max_size=30)
    | ROWS
    | st.lists(st.lists(NUMBERS, max_size=3), max_size=5)
    | st.lists(NUMBERS | TEXTS | st.booleans() | st.none(), max_size=9)
    | st.just([json_pieces.MARK, 0])
)
VALUES = st.recursive(
    ARRAYS | TEXTS | NUMBERS, lambda inner: st.dictionaries(TEXTS, inner, max_size=3) | st.lists(inner)
)
DOCUMENTS = st.dictionaries(TEXTS, ARRAYS | VALUES, max_size=5)
SPACING = st.sampled_from([(",", ":"), (" , ", "\n:\t"), (",", ":" + " " * 100)])


def outcome(body: bytes, piece: int) -> Any:
    """What a body gives, read in pieces of so many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_pieces, "PIECE_BYTES", piece)
        try:
            return plain(PARSERS[0](body))
        except Problem as problem:
            return problem.slug, problem.detail


def plain(value: Any) -> Any:
    """Columns and what is wrong with them, to be compared."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, Faulty):
        return value.errors, plain(value.rows), value.objects
    if isinstance(value, list | map | simdjson.Array):
        return [plain(part) for part in value]
    if isinstance(value, simdjson.Object):
        return {key: plain(value[key]) for key in value}
    return (value.dtype, value.tolist()) if isinstance(value, np.ndarray) else value


@SETTINGS
@given(DOCUMENTS, SPACING, st.integers(1, 40))
def test_documents_are_read_alike(document: Any, spacing: tuple[str, str], piece: int) -> None:
    body = json.dumps(document, separators=spacing).encode()
    assert outcome(body, piece) == outcome(body, len(body))


@SETTINGS
@given(DOCUMENTS, st.data())
def test_damaged_documents_are_refused_alike(document: Any, data: st.DataObject) -> None:
    body = bytearray(json.dumps(document, separators=(",", ":")).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place : place + data.draw(st.integers(0, 2))] = data.draw(
        st.sampled_from([b"", *map(bytes, zip(b'[]{},:"\\1-.e\xff'))])
    )
    assert outcome(bytes(body), data.draw(st.integers(1, 40))) == outcome(bytes(body), len(body) + 1)


def test_what_is_read_in_pieces_stays_in_its_place() -> None:
    body = b'{"a": [{"b": [1, 2, 3], "c": [4, 5]}]}'
    assert (
        outcome(body, 1)
        == outcome(body, len(body))
        == {"a": ({0: json_columns.wrong_scalar([])}, None, json.loads(body)["a"])}
    )


@pytest.mark.parametrize(
    ("body", "read_in_pieces"),
    [
        (b'{"a": [1, 2, 3.5, 4]}', 1),
        (b'{"a": [[1, 2], [3, 4]] , "b": {"c": [1, 2, 3]}}', 2),
        (b'{"a": ["[", "]"], "b": [1, 2, 3]}', 1),
        (b'{"a": ":[1, 2, 3]", "b": 1}', 0),
        (b'{"a": "\\\\":[1, 2, 3]}', 0),
        (b'{"a": [true, false]}', 0),
        (b'{"a": [[1, 2], [3]]}', 0),
        (b'{"a": [[[1]], [[2]]]}', 0),
        (b'{"a": [1, [2]]}', 0),
        (b'{"a": [1, {}]}', 0),
        (b'{"a": [1, 2,]}', 0),
        (b'{"a": [1, , 2]}', 0),
        (b"[[1, 2], [3, 4]]", 0),
    ],
)
def test_long_arrays_of_numbers_are_read_in_pieces(
    monkeypatch: pytest.MonkeyPatch, body: bytes, read_in_pieces: int
) -> None:
    monkeypatch.setattr(json_pieces, "PIECE_BYTES", 2)
    rest, columns = json_pieces.without_numbers(simdjson.Parser(), body)
    assert len(columns) == read_in_pieces
    assert bool(columns) == (rest != body)
    assert not columns or len(json.loads(rest)) == len(json.loads(body))

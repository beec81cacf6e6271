"""Lines that are written alike are read at once, to the same columns as one by one, and only if nothing is wrong."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.columnar import NAMES
from service.line_columns import columns_of_any_lines, columns_of_like_lines
from service.settings import Settings

SETTINGS = Settings()
SCALARS = st.sampled_from(["1", "-0", "0.5", "2", "1e3", '"a"', '"é"', '"\\u00e9, \\"x"', "true", "null", str(2**63)])
ROWS = st.sampled_from(["[1, 2]", "[0.5, 2]", "[1]", "[]", '["a"]', "[[1]]"])
PIECES = st.sampled_from(
    ['{"labels": ', ', "scores": ', "}\n", "}\n{", ",", "1", '"', "\\", "[", "]", "{", "}", "\n", "\r", "\t", "\1", " "]
) | st.sampled_from(['"a', '", "scores": "', ', "labels": 1', "1e400", str(2**64), "NaN", "\\ud800", "1, 2", "\ufeff"])


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    return type(one) is type(other) and repr(one) == repr(other)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(SCALARS, SCALARS | ROWS), min_size=1, max_size=5),
    edits=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), max_size=4),
)
def test_lines_read_at_once_are_those_read_one_by_one(rows, edits):
    text = "".join(f'{{"labels": {label}, "scores": {score}}}\n' for label, score in rows)
    for place, cut, piece in edits:
        start = int(place * len(text))
        text = text[:start] + piece + text[start + cut :]
    body = text.encode()
    at_once = columns_of_like_lines(body, SETTINGS)
    if at_once is not None:
        one_by_one = columns_of_any_lines(body, SETTINGS)
        assert list(at_once) == list(one_by_one)
        assert all(same(at_once[name], one_by_one[name]) for name in one_by_one)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("scores", [[1, 2], [0.5, 2], ["a, \\b", ""], [True, None], [[1, 2], [3, 4]]], ids=repr)
def test_lines_of_common_writers_are_read_at_once(separators, scores):
    rows = [dict(zip(NAMES, pair, strict=False)) for pair in zip([0, 1], scores, strict=True)]
    for end in ("\n", ""):
        body = ("\n".join(json.dumps(row, separators=separators) for row in rows) + end).encode()
        columns = columns_of_like_lines(body, SETTINGS)
        assert columns is not None
        assert np.asarray(columns["scores"]).tolist() == scores


@pytest.mark.parametrize(
    "body",
    [
        b'{"labels": 1, "scores": 2}\n{"scores": 1, "labels": 2}\n',
        b'{"labels": 1, "scores": 2, "queries": 3}\n{"labels": 1, "queries": 2, "scores": 3}\n',
        b'{"labels": 1, "scores": 2}\n{"labels": 1\x002}\n',
        b'{"labels": 1, "scores": 2}\n{"labels": 1, 2, "scores": 3}\n',
        b'{"labels": 1, "scores": [2]}\n{"labels": 1, "scores": [2], [3]}\n',
        b'{"labels": 1, 2, "scores": 3}\n{"labels": "a, "scores": b"}\n',
        b'{"labels": "a, "scores": b", "scores": 1, 2}\n',
        b'{"labels": 1, "scores": [1, 2]}\n{"labels": 1, "scores": 3}\n',
        b'{"labels": 1, "scores": 2}\n\n{"labels": 1, "scores": 2}\n',
    ],
)
def test_other_lines_are_read_one_by_one(body):
    assert columns_of_like_lines(body, SETTINGS) is None

"""The same columns give the same bytes, or the same refusal, in every media type."""

import gzip
import json
import random
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import media
from service.app import create_app
from service.examples import EXAMPLES
from service.settings import Settings
from tests.encodings import (
    ARROW,
    CSV,
    LINES,
    PARQUET,
    WRITTEN,
    arrow,
    columns_and_query,
    comma_separated,
    lines,
    parquet,
)

CLIENT = create_app(Settings()).test_client()
SMALL = create_app(Settings(max_rows=50, max_values=200, max_decoded_bytes=4000)).test_client()
BINARY = {"labels": [0, 1, 1, 0], "scores": [0.25, 0.75, 0.5, 0.125]}
REQUESTS = [(task, name, fields) for task, examples in EXAMPLES.items() for name, (_, fields) in examples.items()]


def post(kind: str, body: bytes, query: str = "", task: str = "binary", client: Any = CLIENT, **headers: str) -> Any:
    return client.post(f"/v1/{task}/report?{query}".rstrip("?"), data=body, content_type=kind, headers=headers)


def refusal(answer: Any) -> tuple[int, dict[str, Any]]:
    """The problem of an answer, without what differs between two of the same."""
    problem = answer.get_json()
    problem.pop("request_id")
    return answer.status_code, problem


def is_flat(columns: dict[str, list[Any]]) -> bool:
    """Whether each row of each column holds one value: CSV holds nothing else."""
    return not any(isinstance(value, list) for column in columns.values() for value in column)


WRITABLE = [
    pytest.param(kind, task, fields, id=f"{kind}-{task}-{name}")
    for task, name, fields in REQUESTS
    for kind in WRITTEN
    if kind != CSV or is_flat(columns_and_query(fields)[0])
]


@pytest.mark.parametrize(("kind", "task", "fields"), WRITABLE)
def test_every_example_gives_the_same_bytes(kind, task, fields):
    columns, query = columns_and_query(fields)
    expected = post(media.JSON, json.dumps(fields).encode(), task=task)
    answer = post(kind, WRITTEN[kind](columns), query, task)
    assert answer.status_code == 200, answer.text
    assert answer.data == expected.data


FLOATS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 5e-324, 1e-310, 1.7e308, 2.0**53])


@settings(deadline=None)
@given(rows=st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=12))
def test_any_numbers_give_the_same_bytes(rows):
    labels, predictions = ([float(value) for value in column] for column in zip(*rows, strict=True))
    fields = {"labels": labels, "predictions": predictions}
    expected = post(media.JSON, json.dumps(fields).encode(), task="regression")
    for kind, written in WRITTEN.items():
        assert post(kind, written(fields), task="regression").data == expected.data, kind


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["no", 'yes, "sir"', "true", "01"]), st.floats(0, 1), st.integers(-5, 5)),
        min_size=1,
        max_size=12,
    )
)
def test_any_labels_give_the_same_answer(rows):
    labels, scores, sites = map(list, zip(*rows, strict=True))
    if set(labels) == {"true"}:
        return  # which CSV takes for a boolean
    fields = {"labels": labels, "scores": scores, "pos_label": "01", "groups": {"site": sites}}
    expected = post(media.JSON, json.dumps(fields).encode())
    columns, query = columns_and_query(fields)
    for kind, written in WRITTEN.items():
        answer = post(kind, written(columns), query)
        same = answer.data == expected.data if expected.status_code == 200 else refusal(answer) == refusal(expected)
        assert same, (kind, answer.text)


WIDTHS = [
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.uint8(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
    pa.float64(),
]


@pytest.mark.parametrize("kind", [*WIDTHS, pa.float32(), pa.float16()], ids=str)
def test_every_width_of_numbers_is_its_doubles(kind):
    doubles = [0, 1, 3, 2] if pa.types.is_integer(kind) else np.float32([0.1, -1.5, 0, 3]).tolist()
    if pa.types.is_float16(kind):
        doubles = np.float16(doubles).astype(float).tolist()
    numbers = pa.array(np.array(doubles, kind.to_pandas_dtype()), kind)
    fields = {"labels": [1, 0, 1, 0], "scores": doubles}
    expected = post(media.JSON, json.dumps(fields).encode())
    assert post(ARROW, arrow(fields | {"scores": numbers})).data == expected.data


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 100])
@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())],
    ids=["string", "large", "dictionary"],
)
def test_every_kind_of_strings(kind, batch_rows):
    fields = {"labels": ["b", "a", "a", "b"], "scores": [0.25, 0.75, 0.5, 0.125]}
    expected = post(media.JSON, json.dumps(fields | {"pos_label": "a"}).encode())
    body = arrow(fields | {"labels": pa.array(fields["labels"]).cast(kind)}, batch_rows)
    assert post(ARROW, body, "pos_label=a").data == expected.data


@pytest.mark.parametrize("number", [pa.float64(), pa.float32()], ids=str)
@pytest.mark.parametrize(
    "make", [pa.list_, pa.large_list, lambda kind: pa.list_(kind, 2)], ids=["list", "large", "fixed"]
)
def test_every_kind_of_matrix(make, number):
    fields = {"labels": [0, 1, 1, 0], "scores": [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.875, 0.125]]}
    expected = post(media.JSON, json.dumps(fields).encode())
    sliced = pa.array([[9, 9], *fields["scores"]], make(number))[1:]
    assert post(ARROW, arrow(fields | {"scores": sliced})).data == expected.data


REFUSED = {
    "null label": {"labels": [0, None, 1, 0], "scores": [0.25, 0.75, 0.5, 0.125]},
    "null score": {"labels": [0, 1, 1, 0], "scores": [0.25, 0.75, None, 0.125]},
    "null weight": BINARY | {"sample_weight": [1, None, 1, 1]},
    "null group": BINARY | {"groups": {"site": ["a", "b", None, "a"]}},
    "all null": {"labels": [0, 1, 1, 0], "scores": [None] * 4},
    "strings as scores": BINARY | {"scores": ["a", "b", "c", "d"]},
    "fractions as labels": BINARY | {"labels": [0.5, 1, 1, 0]},
    "negative weight": BINARY | {"sample_weight": [1, -1, 1, 1]},
    "no scores": {"labels": [0, 1, 1, 0]},
    "queries": BINARY | {"queries": [1, 1, 1, 1]},
    "unknown option": BINARY | {"colour": "red"},
    "bad option": BINARY | {"threshold": "high"},
    "three labels": BINARY | {"labels": [0, 1, 2, 0]},
}


@pytest.mark.parametrize("kind", WRITTEN)
@pytest.mark.parametrize("name", REFUSED)
def test_the_same_refusal(kind, name):
    expected = refusal(post(media.JSON, json.dumps(REFUSED[name]).encode()))
    columns, query = columns_and_query(REFUSED[name])
    assert expected[0] == 422
    assert refusal(post(kind, WRITTEN[kind](columns), query)) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_with_its_row(value):
    answer = post(ARROW, arrow(BINARY | {"scores": [0.25, value, 0.5, 0.125]}))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["#/scores/1"]


@pytest.mark.parametrize("text", ["NaN", "inf", "abc", "1,5", "0x1", "", "1e400"])
def test_csv_score_that_is_no_number_is_refused_with_its_row(text):
    answer = post(CSV, comma_separated(BINARY | {"scores": ["0.25", text, "0.5", "0.125"]}))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["#/scores/1"]


@pytest.mark.parametrize("kind", WRITTEN)
def test_unknown_columns_are_refused(kind):
    answer = post(kind, WRITTEN[kind](BINARY | {"threshold": [1, 2, 3, 4], "x": [1, 2, 3, 4]}))
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["#/threshold", "#/x"]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("day", pa.date32()),
        ("money", pa.decimal128(5, 2)),
        ("bytes", pa.binary()),
        ("struct", pa.struct({"a": pa.int8()})),
    ],
)
def test_other_types_are_refused(column, kind):
    answer = post(ARROW, arrow(BINARY | {f"group.{column}": pa.nulls(4, kind)}))
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == f"#/group.{column}"


@pytest.mark.parametrize(
    ("query", "threshold", "status"),
    [
        ("threshold=0.6", 0.6, 200),
        ("threshold=6e-1&metadata={%22model%22:%22a%20b%22}", 0.6, 200),
        ("metrics=[%22accuracy%22]&pos_label=1", 0.5, 200),
        ("pos_label=%221%22", None, 422),
        ("metrics=accuracy", None, 422),
        ("threshold=NaN", None, 422),
        ("threshold=1e400", None, 422),
        ("threshold=", None, 422),
        ("threshold", None, 422),
        ("threshold=0.5&threshold=0.5", None, 400),
        ("labels=[0,1,1,0]", None, 400),
        ("pos_label=%ff", None, 400),
        ("metadata={%22a%22:%22b%22,%22a%22:%22c%22}", None, 400),
        ("metadata=" + "[" * 2000, None, 422),
    ],
)
@pytest.mark.parametrize("kind", WRITTEN)
def test_options_are_query_parameters(kind, query, threshold, status):
    answer = post(kind, WRITTEN[kind](BINARY), query)
    assert answer.status_code == status, answer.text
    assert status != 200 or answer.get_json()["threshold"] == threshold


@pytest.mark.parametrize("kind", WRITTEN)
def test_too_large_is_refused(kind):
    rows = {"labels": [0, 1] * 30, "scores": [0.5] * 60}
    values = {f"group.{name}": [1] * 45 for name in "abcd"} | {"labels": [0] * 45, "scores": [1] * 45}
    for columns, slug in ((rows, "too-many-rows"), (values, "too-many-values")):
        status, problem = refusal(post(kind, WRITTEN[kind](columns), client=SMALL))
        assert status == 413
        assert problem["type"].endswith(f":{slug}")


def test_a_matrix_of_small_numbers_counts_its_values():
    body = arrow({"labels": [0] * 40, "scores": pa.array([[1] * 6] * 40, pa.list_(pa.int8(), 6))}, 50)
    assert refusal(post(ARROW, body, client=SMALL))[1]["type"].endswith(":too-many-values")


def test_a_dictionary_counts_in_every_batch():
    labels = pa.DictionaryArray.from_arrays(pa.array([0] * 20, pa.int8()), pa.array(["a" * 200] * 2))
    assert refusal(post(ARROW, arrow({"labels": labels}, 1), client=SMALL))[1]["type"].endswith(":body-too-large")


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_arrow_buffers_give_the_same_bytes(compression):
    table = pa.table({"labels": ["a", "b"] * 500, "scores": [0.5, 0.25] * 500})
    for labels in (table["labels"], table["labels"].dictionary_encode()):
        columns = table.set_column(0, "labels", labels)
        expected = post(ARROW, arrow(columns, 400), "pos_label=a")
        assert expected.status_code == 200
        assert post(ARROW, arrow(columns, 400, compression), "pos_label=a").data == expected.data


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_compressed_arrow_buffers_are_counted_before_they_are_decoded(compression):
    names = pa.array(["a" * 5000, "b"])
    for labels in (names, names.dictionary_encode()):
        body = arrow({"labels": labels, "scores": [0.5, 0.25]}, compression=compression)
        assert len(body) < 4000
        assert refusal(post(ARROW, body, client=SMALL))[1]["type"].endswith(":body-too-large")
    body = arrow({"labels": ["a" * 5000] * 2, "scores": [0.5, 0.25]}, compression=compression)
    place = body.rindex((10_000).to_bytes(8, "little"))
    for claim, slug in ((1 << 60, "body-too-large"), (-2, "malformed-body"), (9_999, "malformed-body")):
        lying = body[:place] + claim.to_bytes(8, "little", signed=True) + body[place + 8 :]
        assert refusal(post(ARROW, lying))[1]["type"].endswith(f":{slug}"), claim


@pytest.mark.parametrize("kind", WRITTEN)
def test_gzip_comes_first(kind):
    body = WRITTEN[kind](BINARY)
    assert post(kind, gzip.compress(body), **{"Content-Encoding": "gzip"}).data == post(kind, body).data


@pytest.mark.parametrize("kind", WRITTEN)
def test_damaged_bodies_are_refused_and_say_nothing(kind):
    columns = {"labels": ["canary", "b", "b"], "scores": [0.25, 0.5, 0.75], "group.g": [True, False, True]}
    body, rng = WRITTEN[kind](columns), random.Random(7)
    damaged = [body[:end] for end in range(0, len(body), 1 + len(body) // 60)]
    for _ in range(300):
        flipped = bytearray(body)
        for _ in range(rng.choice([1, 1, 4])):
            flipped[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        damaged.append(bytes(flipped))
    statuses = set()
    for each in damaged:
        answer = post(kind, each, "pos_label=b")
        statuses.add(answer.status_code)
        assert answer.status_code in (200, 400, 413, 415, 422), (each, answer.text)
        if answer.status_code != 200:
            assert "canary" not in answer.text
            assert "rrow" not in answer.text.replace("Arrow IPC stream", "").replace("Arrow stream", "")
    assert 400 in statuses


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (ARROW, b""),
        (ARROW, b"{}"),
        (CSV, b""),
        (CSV, b'"labels'),
        (CSV, b"labels,scores\n1\n"),
        (CSV, b"labels,scores\n1,2,3\n"),
        (CSV, b"labels,labels\n1,2\n"),
        (CSV, b"\xef\xbb\xbflabels,scores\n1,2\n"),
        (CSV, b"labels,scores\n\xff,2\n"),
        (LINES, b""),
        (LINES, b"\n"),
        (LINES, b"[1]\n"),
        (LINES, b'{"labels": 1\n'),
        (LINES, b'{"labels": 1, "labels": 1}\n'),
        (LINES, b'{"labels": 1}\n{"scores": 1}\n'),
        (LINES, b'{"labels": NaN}\n'),
        (LINES, b'{"labels": "\\ud800"}\n'),
        (LINES, b'{"labels": "\xff"}\n'),
        (LINES, b'{"labels": ' + b"[" * 100_000 + b"\n"),
    ],
)
def test_what_is_not_its_media_type_is_refused(kind, body):
    assert post(kind, body).status_code == 400


def test_a_csv_column_is_of_integers_booleans_numbers_or_strings():
    for cells, classes in ((["1", "0"], [0, 1]), (["true", "false"], [False, True]), (["01", "1"], ["1", "01"])):
        answer = post(
            CSV, comma_separated({"labels": cells, "scores": [0.25, 0.75]}), f"pos_label={json.dumps(classes[1])}"
        )
        assert answer.get_json()["classes"] == classes
    assert post(CSV, b'labels,scores\n"a\n, b",1\n"a\n, b",0\n,1\n').get_json()["errors"][0]["pointer"] == "#/labels/2"


@pytest.mark.parametrize("kind", WRITTEN)
def test_openapi_tells_of_it_where_it_is_taken(kind):
    for path, methods in CLIENT.get("/openapi.json").get_json()["paths"].items():
        told = kind in methods.get("post", {}).get("requestBody", {}).get("description", "")
        assert told == path.endswith("/report")


@pytest.mark.parametrize("kind", WRITTEN)
def test_comparisons_take_json_alone(kind):
    answer = CLIENT.post("/v1/binary/compare", data=WRITTEN[kind](BINARY), content_type=kind)
    assert answer.status_code == 415
    assert answer.headers["Accept"] == media.JSON


def test_a_json_request_has_no_parameters():
    assert post(media.JSON, json.dumps(BINARY).encode(), "threshold=0.5").status_code == 400


def test_a_short_batch_of_a_long_dictionary():
    names = pa.array([*(f"n{place}" for place in range(40)), "a", None])
    labels = pa.DictionaryArray.from_arrays(pa.array([40, 3, 40, 3], pa.int8()), names)
    fields = BINARY | {"labels": ["a", "n3", "a", "n3"], "pos_label": "a"}
    expected = post(media.JSON, json.dumps(fields).encode())
    assert post(ARROW, arrow(BINARY | {"labels": labels}), "pos_label=a").data == expected.data
    broken = pa.DictionaryArray.from_arrays(pa.array([40, None, 41, 3], pa.int8()), names)
    problem = post(ARROW, arrow(BINARY | {"labels": broken})).get_json()
    assert [error["pointer"] for error in problem["errors"]] == ["#/labels/1", "#/labels/2"]


@pytest.mark.parametrize("kind", [ARROW, CSV])
def test_without_pyarrow_the_refusal_says_what_to_install(kind, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "pyarrow")
    answer = post(kind, WRITTEN[kind](BINARY))
    assert answer.status_code == 415
    assert "`columnar`" in answer.get_json()["detail"]
    assert ARROW not in answer.headers["Accept"]
    assert LINES in answer.headers["Accept"]
    assert post(LINES, lines(BINARY)).status_code == 200


DECODED = """
import sys
from pathlib import Path
from service import media
from service.settings import Settings

def in_bytes(name):
    return next(int(line.split()[1]) << 10 for line in open("/proc/self/status") if line.startswith(name))

kind, small, large = sys.argv[1:]
decode, settings = media.ACCEPTED[kind].decode, Settings()
decode(Path(small).read_bytes(), settings)
idle = in_bytes("VmRSS")
columns = decode(Path(large).read_bytes(), settings)
print(in_bytes("VmHWM") - idle)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a process its peak")
@pytest.mark.parametrize("kind", [media.JSON, *WRITTEN])
def test_columns_take_the_memory_of_two_bodies_and_their_numbers(kind, tmp_path):
    rows = 500_000
    rng = np.random.default_rng(5)
    columns = {"labels": rng.integers(0, 2, rows).tolist(), "scores": rng.random(rows).tolist()}
    write = {ARROW: partial(arrow, batch_rows=1 << 16), PARQUET: partial(parquet, group_rows=1 << 20)}.get(
        kind, WRITTEN.get(kind, lambda fields: json.dumps(fields).encode())
    )
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(write(BINARY))
    large.write_bytes(write(columns))
    child = subprocess.run(
        [sys.executable, "-c", DECODED, kind, small, large], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(child.stdout) <= 2 * large.stat().st_size + 32 * 2 * rows + (16 << 20)

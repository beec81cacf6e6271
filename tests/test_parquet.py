"""Parquet files as other writers make them, and those that claim what they are not."""

import io
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from service import media
from service.app import create_app
from service.parquet_columns import check_pages, written_out
from service.parquet_pages import Thrift, pages_of
from service.problems import Problem
from service.settings import Settings
from tests.encodings import PARQUET, parquet
from tests.test_media import BINARY, REQUESTS, SMALL, WIDTHS, post, refusal

NAMES = {"labels": ["b", "a", "a", "b"], "scores": [0.25, 0.75, 0.5, 0.125]}


def slug(answer):
    return refusal(answer)[1]["type"].rsplit(":", 1)[1]


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "brotli", "lz4", "zstd"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_codec_and_page_gives_the_same_bytes(codec, version):
    expected = post(media.JSON, json.dumps(NAMES | {"pos_label": "a"}).encode())
    body = parquet(NAMES, compression=codec, data_page_version=version)
    assert post(PARQUET, body, "pos_label=a").data == expected.data


@pytest.mark.parametrize(
    ("labels", "scores"),
    [("PLAIN", "PLAIN"), ("PLAIN", "BYTE_STREAM_SPLIT"), ("RLE_DICTIONARY", "RLE_DICTIONARY")],
)
def test_encodings_give_the_same_bytes(labels, scores):
    expected = post(media.JSON, json.dumps(NAMES | {"pos_label": "a"}).encode())
    dictionary = labels == "RLE_DICTIONARY"
    encoding = {} if dictionary else {"column_encoding": {"labels": labels, "scores": scores}}
    body = parquet(NAMES, use_dictionary=dictionary, **encoding)
    assert post(PARQUET, body, "pos_label=a").data == expected.data


def test_integers_by_their_differences():
    body = parquet(BINARY, use_dictionary=False, column_encoding={"labels": "DELTA_BINARY_PACKED", "scores": "PLAIN"})
    assert post(PARQUET, body).data == post(media.JSON, json.dumps(BINARY).encode()).data


@pytest.mark.parametrize("kind", [*WIDTHS, pa.float32(), pa.float16()], ids=str)
def test_every_width_of_numbers_is_its_doubles(kind):
    fields = {"labels": [1, 0, 1, 0], "scores": [0, 1, 3, 2]}
    expected = post(media.JSON, json.dumps(fields).encode())
    scores = pa.array(np.array(fields["scores"], kind.to_pandas_dtype()), kind)
    assert post(PARQUET, parquet(fields | {"scores": scores})).data == expected.data


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
@pytest.mark.parametrize("group_rows", [1, 3, 100])
def test_every_kind_of_strings(kind, group_rows):
    expected = post(media.JSON, json.dumps(NAMES | {"pos_label": "a"}).encode())
    body = parquet(NAMES | {"labels": pa.array(NAMES["labels"]).cast(kind)}, group_rows)
    assert post(PARQUET, body, "pos_label=a").data == expected.data


@pytest.mark.parametrize(
    "make", [pa.list_, pa.large_list, lambda kind: pa.list_(kind, 2)], ids=["list", "large", "fixed"]
)
def test_every_kind_of_matrix(make):
    fields = {"labels": [0, 1, 1, 0], "scores": [[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.875, 0.125]]}
    expected = post(media.JSON, json.dumps(fields).encode())
    scores = pa.array(fields["scores"], make(pa.float32()))
    assert post(PARQUET, parquet(fields | {"scores": scores})).data == expected.data


def test_nulls_are_refused_with_their_rows():
    answer = post(PARQUET, parquet(NAMES | {"labels": ["a", None, "b", None]}), "pos_label=a")
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["#/labels/1", "#/labels/3"]


@pytest.mark.parametrize("kind", [pa.date32(), pa.decimal128(5, 2), pa.binary(), pa.struct({"a": pa.int8()})], ids=str)
def test_other_types_are_refused(kind):
    answer = post(PARQUET, parquet(BINARY | {"group.g": pa.nulls(4, kind)}))
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "#/group.g"


@pytest.mark.parametrize("encoding", ["DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"])
def test_strings_by_their_differences_are_refused(encoding):
    body = parquet(NAMES, use_dictionary=False, column_encoding={"labels": encoding, "scores": "PLAIN"})
    assert slug(post(PARQUET, body, "pos_label=a")) == "malformed-body"
    if encoding == "DELTA_BYTE_ARRAY":
        with pytest.raises(ValueError, match=r"^$"):
            list(pages_of(body))


@pytest.mark.parametrize("body", [b"", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 8 + b"PAR1", b"PARE" * 4])
def test_what_is_no_file_is_refused(body):
    assert slug(post(PARQUET, body)) == "malformed-body"


def test_pages_are_counted_before_they_are_decoded():
    zeros = parquet({"labels": [0] * 40, "scores": [0.0] * 40}, 50, use_dictionary=False, compression="zstd")
    long = parquet({"labels": ["a" * 5000] * 4, "scores": [0.5] * 4}, 50, compression="zstd")
    assert post(PARQUET, zeros, client=SMALL).status_code != 413
    assert slug(post(PARQUET, long, client=SMALL)) == "body-too-large"


def test_a_long_string_of_many_rows_is_held_once():
    client = create_app(Settings(max_decoded_bytes=300_000)).test_client()
    rows = 5000
    names = {"labels": ["a" * 250, "b"] * (rows // 2), "scores": [0.5, 0.25] * (rows // 2)}
    assert post(PARQUET, parquet(names, rows), "pos_label=b", client=client).status_code == 200
    sets = {"labels": [["a" * 250]] * rows, "predictions": [["a" * 250]] * rows}
    assert slug(post(PARQUET, parquet(sets, rows), task="multilabel", client=client)) == "body-too-large"


def test_no_page_is_decoded_of_what_is_too_large():
    settings = Settings(max_decoded_bytes=4000)
    with pytest.raises(Problem, match="body-too-large"):
        check_pages(parquet({"labels": ["a" * 5000], "scores": [0.5]}, compression="zstd"), settings)
    sets = pa.array([["a" * 50]] * 100).cast(pa.list_(pa.dictionary(pa.int32(), pa.string())))
    with pytest.raises(Problem, match="body-too-large"):
        written_out(pa, sets, settings)


def test_a_group_of_more_rows_than_values_is_none():
    body = parquet({"labels": [0] * 57, "scores": [0.5] * 57}, 100)
    lying = body.replace(b"\x16\x72", b"\x16\x74")
    assert len(list(pages_of(body))) == 4
    with pytest.raises(ValueError, match=r"^$"):
        list(pages_of(lying))


def of_first_page(body):
    """Where the first page's header is, and where it ends."""
    chunk = pq.read_metadata(io.BytesIO(body)).row_group(0).column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    return start, Thrift(body).struct(start)[1]


def test_the_headers_of_pages_are_read_as_they_are():
    rows = 3000
    table = {"labels": [0, 1] * (rows // 2), "scores": np.arange(rows) / rows}
    for options in ({"use_dictionary": False, "compression": "none"}, {"data_page_version": "2.0"}):
        body = parquet(table, 1000, data_page_size=1000, write_batch_size=100, **options)
        metadata = pq.read_metadata(io.BytesIO(body))
        pages = list(pages_of(body))
        assert len(pages) > 6
        assert sum(page.values for page in pages) == 2 * rows
        chunks = [metadata.row_group(group).column(place) for group in range(3) for place in range(2)]
        assert sum(page.size for page in pages) <= sum(chunk.total_uncompressed_size for chunk in chunks)
        assert sum(page.size for page in pages) > 8 * rows


def test_a_header_that_has_a_field_twice_is_none():
    with pytest.raises(ValueError, match=r"^$"):
        Thrift(bytes([0x15, 2, 0x05, 2, 2, 0])).struct(0)


def test_files_of_early_writers_are_refused():
    body = parquet(BINARY)
    creator = pq.read_metadata(io.BytesIO(body)).created_by.encode()
    for name, status in (("parquet-mr version 1.2.8", 400), ("parquet-mr", 400), ("parquet-mr version 1.13.1", 200)):
        assert post(PARQUET, body.replace(creator, name.encode().ljust(len(creator)))).status_code == status


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_are_answered(seed):
    rng = random.Random(seed)
    columns = {"labels": ["b", "a", "a"] * 20, "scores": [0.25, 0.75, 0.5] * 20, "group.g": [1, 2, 3] * 20}
    body = parquet(columns, 30, compression=rng.choice(["none", "snappy", "zstd"]), use_dictionary=seed % 2 == 0)
    start, end = of_first_page(body)
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    statuses = set()
    for _ in range(250):
        changed = bytearray(body)
        for _ in range(rng.choice([1, 1, 2, 5])):
            low, high = rng.choice([(0, len(body)), (start, end), (footer, len(body)), (end, footer)])
            changed[rng.randrange(low, high)] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        answer = post(PARQUET, bytes(changed), "pos_label=b")
        statuses.add(answer.status_code)
        assert answer.status_code in (200, 400, 413, 422), (bytes(changed), answer.text)
    assert {200, 400} <= statuses


def test_a_request_of_every_task_is_written():
    assert {task for task, _, _ in REQUESTS} == {"binary", "multiclass", "multilabel", "regression", "ranking"}

"""Requests of a given size: each function makes the bytes of one that has so many of something."""

import gzip
import json
import math
from typing import Any

from service.body import zstd_module
from tests.data.bad_inputs import BINARY, FINE, JSON, REGRESSION
from tests.data.bad_inputs_multiclass import MULTICLASS
from tests.data.bad_inputs_multilabel import MULTILABEL
from tests.data.bad_inputs_ranking import RANKING
from tests.wire import chunked, head


def framed(body: bytes, target: str = BINARY, **headers: str) -> bytes:
    """A request with a Content-Length."""
    return head("POST", target, JSON | headers | {"Content-Length": str(len(body))}) + body


def as_json(target: str, fields: dict[str, Any]) -> bytes:
    return framed(json.dumps(fields).encode(), target)


def by_length(size: int) -> bytes:
    return framed(FINE.ljust(size))


def by_chunks(size: int) -> bytes:
    return head("POST", BINARY, JSON | {"Transfer-Encoding": "chunked"}) + chunked(FINE.ljust(size), 999)


def zipped(size: int) -> bytes:
    return framed(gzip.compress(FINE.ljust(size)), **{"Content-Encoding": "gzip"})


def zipped_in_members(size: int) -> bytes:
    body = FINE.ljust(size)
    return framed(gzip.compress(body[:4000]) + gzip.compress(body[4000:]), **{"Content-Encoding": "gzip"})


def zstandard(size: int) -> bytes:
    zstd = zstd_module()
    assert zstd
    return framed(zstd.compress(FINE.ljust(size)), **{"Content-Encoding": "zstd"})


def binary_rows(count: int) -> bytes:
    return as_json(BINARY, {"labels": [row % 2 for row in range(count)], "scores": [0.5] * count})


def rows_of_names(count: int) -> bytes:
    return as_json(MULTILABEL, {"labels": [["a"]] * count, "predictions": [[]] * count})


def rows_of_strings(count: int) -> bytes:
    return as_json(BINARY, {"labels": ["a"] * count, "predictions": ["a"] * count, "pos_label": "a"})


def regression_rows(count: int) -> bytes:
    return as_json(REGRESSION, {"labels": [0.5] * count, "predictions": [1.5] * count})


def values(count: int) -> bytes:
    """147 numbers in three columns, and the rest as metadata."""
    columns = dict.fromkeys(("labels", "scores", "sample_weight"), [1] * 49)
    return as_json(BINARY, columns | {"metadata": {str(number): "" for number in range(count - 147)}})


def outputs(count: int) -> bytes:
    rows = [[0.5] * count, [1.5] * count]
    return as_json(REGRESSION, {"labels": rows, "predictions": rows})


def classes(count: int) -> bytes:
    return as_json(MULTICLASS, {"labels": [0], "predictions": [0], "classes": list(range(count))})


def classes_by_labels(count: int) -> bytes:
    names = [f"class {number}" for number in range(count)]
    return as_json(MULTICLASS, {"labels": names, "predictions": names})


def classes_by_labels_and_predictions(count: int) -> bytes:
    return as_json(MULTICLASS, {"labels": [0] * (count - 1), "predictions": list(range(1, count))})


def classes_by_columns(count: int) -> bytes:
    return as_json(MULTICLASS, {"labels": [0], "scores": [[1] + [0] * (count - 1)]})


def classes_by_one_hot_rows(count: int) -> bytes:
    row = [1] + [0] * (count - 1)
    return as_json(MULTICLASS, {"labels": [row], "predictions": [row]})


def labels_by_classes(count: int) -> bytes:
    return as_json(MULTILABEL, {"labels": [[]], "predictions": [[]], "classes": list(range(count))})


def labels_by_columns(count: int) -> bytes:
    return as_json(MULTILABEL, {"labels": [[0] * count], "predictions": [[1] * count]})


def labels_by_scores(count: int) -> bytes:
    names = [f"label {number}" for number in range(count)]
    return as_json(MULTILABEL, {"labels": [names], "scores": [[0.5] * count]})


def labels_by_names(count: int) -> bytes:
    names = [f"label {number}" for number in range(count)]
    return as_json(MULTILABEL, {"labels": [names[:1], []], "predictions": [[], names[1:]]})


def labels(length: int, character: str = "a") -> bytes:
    return as_json(BINARY, {"labels": ["b", character * length], "scores": [0, 1], "pos_label": "b"})


def name_of_label(length: int) -> bytes:
    return as_json(MULTILABEL, {"labels": [["a" * length], []], "predictions": [[], []]})


def predictions(length: int) -> bytes:
    return as_json(BINARY, {"labels": ["b"], "predictions": ["a" * length], "pos_label": "b"})


def pos_label(length: int) -> bytes:
    return as_json(BINARY, {"labels": ["b"], "scores": [0.5], "pos_label": "a" * length})


def name_of_group(length: int) -> bytes:
    return as_json(BINARY, {"labels": [0, 1], "scores": [0, 1], "groups": {"a": ["b", "a" * length]}})


def name_of_groups(length: int) -> bytes:
    return as_json(BINARY, {"labels": [0, 1], "scores": [0, 1], "groups": {"a" * length: [0, 1]}})


def candidates(count: int) -> bytes:
    said = {str(place): {"scores": [0.2, 0.7]} for place in range(count)}
    return as_json("/v1/binary/compare", {"labels": [0, 1], "candidates": said, "reference": "0"})


def compared_cells(count: int) -> bytes:
    """Of two candidates as many classes as make so many cells, or more where none does."""
    classes = math.ceil(math.sqrt(count / 2))
    said = {name: {"predictions": [0, 1]} for name in "ab"}
    columns = {"labels": [0, 1], "classes": list(range(classes))}
    return as_json("/v1/multiclass/compare", columns | {"candidates": said, "reference": "a"})


def groups(count: int) -> bytes:
    """As many groups with a weight above 0, and one without."""
    rows = range(count + 1)
    columns = {"labels": [0 for _ in rows], "scores": [0 for _ in rows], "groups": {"a": list(rows)}}
    return as_json(BINARY, columns | {"sample_weight": [int(row > 0) for row in rows]})


def groups_of_names(count: int) -> bytes:
    columns = {"a": [str(row) for row in range(count - 1)], "b": [True] * (count - 1)}
    return as_json(BINARY, {"labels": [0] * (count - 1), "scores": [0] * (count - 1), "groups": columns})


def groups_of_crossings(count: int) -> bytes:
    """From 6 to 8 groups: two of each name, and as many more as there are rows."""
    left, right = zip(*[(0, 0), (1, 1), (0, 1), (1, 0)][: count - 4], strict=True)
    body = {"labels": [0] * len(left), "scores": [0] * len(left), "groups": {"a": left, "b": right}, "cross": True}
    return as_json(BINARY, body)


def group_columns(count: int) -> bytes:
    """As many groups times labels."""
    groups, width = {14: (7, 2), 15: (5, 3), 16: (4, 4)}[count]
    rows = [[1] + [0] * (width - 1)] * groups
    return as_json(MULTILABEL, {"labels": rows, "predictions": rows, "groups": {"a": list(range(groups))}})


def ranking_rows(count: int) -> bytes:
    return as_json(RANKING, {"labels": [1] * count, "scores": [0.5] * count, "queries": [3] * count})


def rank(k: int) -> bytes:
    return as_json(RANKING, {"labels": [1], "scores": [0.5], "queries": [3], "k": [k]})


def query(length: int) -> bytes:
    return as_json(RANKING, {"labels": [1], "scores": [0.5], "queries": ["a" * length]})


def listed_queries(count: int) -> bytes:
    """As many queries with a weight above 0, and one without."""
    rows = range(count + 1)
    columns = {"labels": [1 for _ in rows], "scores": [1 for _ in rows], "queries": [str(row) for row in rows]}
    return as_json(RANKING, columns | {"sample_weight": [int(row > 0) for row in rows], "per_query": True})


def curve_points(count: int) -> bytes:
    return as_json(BINARY, {"labels": [0, 1], "scores": [0, 1], "curves": True, "curve_points": count})


def resamples(count: int) -> bytes:
    asked = {"interval_method": "bootstrap", "resamples": count, "metrics": ["recall"]}
    return as_json(BINARY, {"labels": [0, 1], "scores": [0, 1]} | asked)


def resampled_values(count: int) -> bytes:
    """As near to this number of values as 200 resamples of whole rows and two columns come from below, or above it."""
    rows = math.ceil(count / 400) - 2
    asked = {"interval_method": "bootstrap", "resamples": 200, "metrics": ["recall"]}
    return as_json(BINARY, {"labels": ([0, 1] * rows)[:rows], "scores": ([0, 1] * rows)[:rows]} | asked)


def good(**fields: Any) -> bytes:
    return framed(json.dumps(json.loads(FINE) | fields).encode())


def ranking(**fields: Any) -> bytes:
    return as_json(RANKING, {"labels": [1], "scores": [0.5], "queries": [3]} | fields)


def in_frames(count: int) -> bytes:
    body = gzip.compress(FINE) + gzip.compress(b"") * (count - 1)
    return framed(body, **{"Content-Encoding": "gzip"})


def requirements(count: int) -> bytes:
    return good(requirements=[{"preset": "good"}] * count)


def ranks(count: int) -> bytes:
    return ranking(k=list(range(1, count + 1)))


def entries(count: int) -> bytes:
    return good(metadata={f"k{key}": "" for key in range(count)})


def keys(count: int) -> bytes:
    """As many keys, all of them unknown."""
    return framed(json.dumps({f"k{key}": 1 for key in range(count)}).encode())


def columns(count: int) -> bytes:
    """As many columns of a file, all of them unknown."""
    body = b",".join(b"k%d" % key for key in range(count)) + b"\n" + b",".join([b"1"] * count) + b"\n"
    return framed(body, **{"Content-Type": "text/csv"})


def parameters(count: int) -> bytes:
    """As many query parameters, all of them unknown."""
    query = "&".join(f"k{key}=1" for key in range(count))
    return framed(b"labels,scores\n0,1\n1,0\n", f"{BINARY}?{query}", **{"Content-Type": "text/csv"})


def objects(count: int) -> bytes:
    """As many objects, in a field that is unknown."""
    return good(other=[{}] * count)


def names_of_groups(count: int) -> bytes:
    rows = len(json.loads(FINE)["labels"])
    return good(groups={f"g{name}": [1] * rows for name in range(count)})


def crossings(count: int) -> bytes:
    """As many names and crossings of four names, or of as few more or less as there are."""
    rows = len(json.loads(FINE)["labels"])
    names = {9: 3, 10: 4, 11: 5}[count]
    return good(groups={f"g{name}": [1] * rows for name in range(names)}, cross=True)


def weight(size: float) -> bytes:
    rows = len(json.loads(FINE)["labels"])
    return good(sample_weight=[float(size)] + [1] * (rows - 1))


def small_weight(size: float) -> bytes:
    """The inverse, rounded away from the limit."""
    return weight(math.nextafter(1 / size, 0 if size > 1e100 else 1) if size != 1e100 else 1e-100)


def cells(count: int) -> bytes:
    """As many rows times labels, or the next number there is."""
    rows, width = {189: (27, 7), 190: (38, 5), 191: (32, 6)}[count]
    names = [f"label {number}" for number in range(width)]
    return as_json(MULTILABEL, {"labels": [names] + [[]] * (rows - 1), "predictions": [[]] * rows})


def name_of_candidate(length: int) -> bytes:
    said = {"a": {"scores": [0.2, 0.7]}, "b" * length: {"scores": [0.2, 0.7]}}
    return as_json("/v1/binary/compare", {"labels": [0, 1], "candidates": said, "reference": "a"})


def quantiles(count: int) -> bytes:
    levels = [(place + 1) / (count + 1) for place in range(count)]
    return as_json(REGRESSION, {"labels": [0.5], "predictions": [levels], "quantiles": levels})

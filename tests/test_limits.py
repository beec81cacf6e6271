"""Every limit in force lets pass what is one below it and what is on it, and refuses what is one above."""

import dataclasses
import gzip
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from schemas.columns import LARGEST_WEIGHT
from schemas.fields import MOST_ERRORS
from schemas.ranking import MOST_RANKS
from schemas.requirements import MOST_REQUIREMENTS
from service.body import MOST_FRAMES, zstd_module
from service.json_columns import MOST_KEYS
from service.settings import Settings
from tests.data.bad_inputs import BINARY, FINE, JSON, REGRESSION
from tests.data.bad_inputs_multiclass import MULTICLASS
from tests.data.bad_inputs_multilabel import MULTILABEL
from tests.data.bad_inputs_ranking import RANKING
from tests.serving import Server
from tests.test_bad_inputs import assert_problem
from tests.wire import chunked, exchange, head, post

# Chosen so that a request on one limit is below all others.
LIMITS = {
    "max_body_bytes": 4000,
    "max_decoded_bytes": 9000,
    "max_rows": 60,
    "max_values": 190,
    "max_outputs": 5,
    "max_classes": 7,
    "max_candidates": 3,
    "max_groups": 7,
    "max_group_columns": 15,
    "max_label_length": 20,
    "max_listed_queries": 4,
    "max_curve_points": 30,
    "max_resamples": 210,
    "max_resampled_values": 200 * 2 * (20 + 2),
}
HIGHEST_CURVE_POINTS = 2000


class Trial(NamedTuple):
    """How to make the bytes of a request that is so large, and what one above the limit gets."""

    limit: str
    what: str
    request: Callable[[int], bytes]
    status: int
    slugs: tuple[str, ...]


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


TOO_LARGE, TOO_MANY = ("body-too-large",), ("too-many-rows",)
LONG_LABEL = ("bad-label", "limit-exceeded")
TRIALS = [
    Trial("max_body_bytes", "Content-Length", by_length, 413, TOO_LARGE),
    Trial("max_body_bytes", "chunked", by_chunks, 413, TOO_LARGE),
    Trial("max_decoded_bytes", "gzip", zipped, 413, TOO_LARGE),
    Trial("max_decoded_bytes", "gzip in members", zipped_in_members, 413, TOO_LARGE),
    Trial("max_decoded_bytes", "zstd", zstandard, 413, TOO_LARGE),
    Trial("max_rows", "binary", binary_rows, 413, TOO_MANY),
    Trial("max_rows", "strings", rows_of_strings, 413, TOO_MANY),
    Trial("max_rows", "names", rows_of_names, 413, TOO_MANY),
    Trial("max_rows", "regression", regression_rows, 413, TOO_MANY),
    Trial("max_rows", "ranking", ranking_rows, 413, TOO_MANY),
    Trial("max_rows", "k", rank, 422, ("bad-option",)),
    Trial("max_values", "binary", values, 413, ("too-many-values",)),
    Trial("max_outputs", "regression", outputs, 422, ("limit-exceeded",)),
    *(
        Trial("max_classes", request.__name__, request, 422, ("limit-exceeded",))
        for request in (
            classes,
            classes_by_labels,
            classes_by_labels_and_predictions,
            classes_by_columns,
            classes_by_one_hot_rows,
            labels_by_classes,
            labels_by_columns,
            labels_by_scores,
            labels_by_names,
        )
    ),
    Trial("max_candidates", "binary", candidates, 422, ("limit-exceeded",)),
    Trial("max_groups", "one name", groups, 422, ("limit-exceeded",)),
    Trial("max_groups", "two names", groups_of_names, 422, ("limit-exceeded",)),
    Trial("max_groups", "crossings", groups_of_crossings, 422, ("limit-exceeded",)),
    Trial("max_group_columns", "multilabel", group_columns, 422, ("limit-exceeded",)),
    Trial("max_label_length", "groups", name_of_group, 422, LONG_LABEL),
    Trial("max_label_length", "names of groups", name_of_groups, 422, ("bad-option",)),
    Trial("max_label_length", "labels", labels, 422, LONG_LABEL),
    Trial("max_label_length", "characters, not bytes", lambda length: labels(length, "\u20ac"), 422, LONG_LABEL),
    Trial("max_label_length", "predictions", predictions, 422, LONG_LABEL),
    Trial("max_label_length", "names of label sets", name_of_label, 422, LONG_LABEL),
    Trial("max_label_length", "pos_label", pos_label, 422, LONG_LABEL),
    Trial("max_label_length", "queries", query, 422, LONG_LABEL),
    Trial("max_listed_queries", "ranking", listed_queries, 422, ("limit-exceeded",)),
    Trial("max_resamples", "binary", resamples, 422, ("bad-option", "limit-exceeded", "schema")),
    Trial("max_resampled_values", "binary", resampled_values, 422, ("limit-exceeded",)),
    Trial("max_curve_points", "binary", curve_points, 422, ("bad-option", "limit-exceeded", "schema")),
]


@pytest.fixture(scope="module")
def small(decoder: dict[str, str], start_server: Callable[..., Server]) -> Server:
    """A service with all these limits."""
    environment = {f"ASSAY_{name.upper()}": str(limit) for name, limit in LIMITS.items()}
    return start_server(**environment, **decoder)


def test_every_limit_is_tried() -> None:
    in_force = {field.name for field in dataclasses.fields(Settings) if field.name.startswith("max_")}
    assert in_force == LIMITS.keys() == {trial.limit for trial in TRIALS}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: f"{trial.limit} {trial.what}")
def test_limit(small: Server, trial: Trial) -> None:
    limit = LIMITS[trial.limit]
    for size in (limit - 1, limit):
        answer = exchange(small.port, trial.request(size))
        assert answer.status == 200, (size, answer.text)
    answer = exchange(small.port, trial.request(limit + 1))
    assert answer.status == trial.status, answer.text
    assert assert_problem(answer, trial.status)["type"].rpartition(":")[2] in trial.slugs


@pytest.mark.parametrize(("points", "status"), [(9, 422), (10, 200), (11, 200), (1999, 200), (2000, 200), (2001, 422)])
def test_curve_points_by_default(server: Server, points: int, status: int) -> None:
    rows = 5000
    scores = [(row * 7919 % rows) / rows for row in range(rows)]
    fields = {"labels": [row % 3 % 2 for row in range(rows)], "scores": scores, "curves": True, "curve_points": points}
    answer = post(server.port, fields)
    assert answer.status == status
    if status == 200:
        curves = answer.json()["curves"]
        columns = [part for name in ("roc", "precision_recall") for part in curves[name].values()]
        assert all(len(column) <= points for column in columns if isinstance(column, list))
    else:
        assert assert_problem(answer, 422)["errors"][0]["pointer"] == "#/curve_points"
        assert str(HIGHEST_CURVE_POINTS) in answer.json()["errors"][0]["detail"]


def good(**fields: Any) -> bytes:
    return framed(json.dumps(json.loads(FINE) | fields).encode())


def ranking(**fields: Any) -> bytes:
    return as_json(RANKING, {"labels": [1], "scores": [0.5], "queries": [3]} | fields)


def in_frames(count: int) -> bytes:
    body = gzip.compress(FINE) + gzip.compress(b"") * (count - 1)
    return framed(body, **{"Content-Encoding": "gzip"})


@pytest.mark.parametrize("over", [-1, 0, 1])
@pytest.mark.parametrize(
    ("request_of", "limit", "status"),
    [
        pytest.param(in_frames, MOST_FRAMES, 400, id="compressed frames"),
        pytest.param(
            lambda size: good(requirements=[{"preset": "good"}] * size), MOST_REQUIREMENTS, 422, id="requirements"
        ),
        pytest.param(lambda size: ranking(k=list(range(1, size + 1))), MOST_RANKS, 422, id="ranks"),
        pytest.param(
            lambda size: good(metadata={f"k{key}": "" for key in range(size)}), MOST_ERRORS, 422, id="metadata"
        ),
    ],
)
def test_fixed_limits(server: Server, request_of: Callable[[int], bytes], limit: int, status: int, over: int) -> None:
    answer = exchange(server.port, request_of(limit + over))
    assert answer.status == (status if over > 0 else 200)


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_keys_of_an_object_are_named_up_to_a_limit(server: Server, over: int) -> None:
    """Unknown keys are refused in any number; beyond the limit the object is, before any of them is read."""
    keys = {f"k{key}": 1 for key in range(MOST_KEYS + over)}
    answer = exchange(server.port, framed(json.dumps(keys).encode()))
    assert answer.status == 422
    assert ("errors" in answer.json()) == (over <= 0)


@pytest.mark.parametrize(
    ("weight", "status"),
    [
        (LARGEST_WEIGHT, 200),
        (np.nextafter(LARGEST_WEIGHT, 0), 200),
        (np.nextafter(LARGEST_WEIGHT, np.inf), 422),
        (1 / LARGEST_WEIGHT, 200),
        (np.nextafter(1 / LARGEST_WEIGHT, 1), 200),
        (np.nextafter(1 / LARGEST_WEIGHT, 0), 422),
    ],
)
def test_weights_stay_where_their_products_fit(server: Server, weight: float, status: int) -> None:
    rows = len(json.loads(FINE)["labels"])
    answer = exchange(server.port, good(sample_weight=[float(weight)] + [1] * (rows - 1)))
    assert answer.status == status

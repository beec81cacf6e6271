"""Every limit in force lets pass what is one below it and what is on it, and refuses what is one above."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest

from service.limits import Limit, limits
from service.problems import TYPE_PREFIX
from service.settings import Settings
from tests.serving import Server
from tests.sized import (
    binary_rows,
    by_chunks,
    by_length,
    candidates,
    cells,
    classes,
    classes_by_columns,
    classes_by_labels,
    classes_by_labels_and_predictions,
    classes_by_one_hot_rows,
    columns,
    compared_cells,
    crossings,
    curve_points,
    entries,
    group_columns,
    groups,
    groups_of_crossings,
    groups_of_names,
    in_frames,
    keys,
    labels,
    labels_by_classes,
    labels_by_columns,
    labels_by_names,
    labels_by_scores,
    listed_queries,
    name_of_candidate,
    name_of_group,
    name_of_groups,
    name_of_label,
    names_of_groups,
    objects,
    outputs,
    parameters,
    pos_label,
    predictions,
    quantiles,
    query,
    rank,
    ranking_rows,
    ranks,
    regression_rows,
    requirements,
    resampled_values,
    resamples,
    rows_of_names,
    rows_of_strings,
    small_weight,
    values,
    weight,
    zipped,
    zipped_in_members,
    zstandard,
)
from tests.test_bad_inputs import assert_problem
from tests.wire import exchange, post, request

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
    "max_compared_cells": 2 * 6 * 6,
    "max_label_length": 20,
    "max_listed_queries": 4,
    "max_curve_points": 30,
    "max_resamples": 210,
    "max_resampled_values": 200 * 2 * (20 + 2),
}
HIGHEST_CURVE_POINTS = 2000
# What no request holds to the unit: tests of the workers try it on either side.
MEASURED = {"seconds", "bytes of memory"}


class Trial(NamedTuple):
    """How to make the bytes of a request that is so large; `within` is the problem that it has even on the limit."""

    limit: str
    what: str
    request: Callable[[int], bytes]
    within: str | None = None


TRIALS = [
    Trial("max_body_bytes", "Content-Length", by_length),
    Trial("max_body_bytes", "chunked", by_chunks),
    Trial("max_decoded_bytes", "gzip", zipped),
    Trial("max_decoded_bytes", "gzip in members", zipped_in_members),
    Trial("max_decoded_bytes", "zstd", zstandard),
    Trial("max_rows", "binary", binary_rows),
    Trial("max_rows", "strings", rows_of_strings),
    Trial("max_rows", "names", rows_of_names),
    Trial("max_rows", "regression", regression_rows),
    Trial("max_rows", "ranking", ranking_rows),
    Trial("max_values", "binary", values),
    Trial("max_outputs", "regression", outputs),
    *(
        Trial("max_classes", request.__name__, request)
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
    Trial("max_candidates", "binary", candidates),
    Trial("max_compared_cells", "multiclass", compared_cells),
    Trial("max_groups", "one name", groups),
    Trial("max_groups", "two names", groups_of_names),
    Trial("max_groups", "crossings", groups_of_crossings),
    Trial("max_group_columns", "multilabel", group_columns),
    Trial("max_label_length", "groups", name_of_group),
    Trial("max_label_length", "names of groups", name_of_groups),
    Trial("max_label_length", "labels", labels),
    Trial("max_label_length", "characters, not bytes", lambda length: labels(length, "\u20ac")),
    Trial("max_label_length", "predictions", predictions),
    Trial("max_label_length", "names of label sets", name_of_label),
    Trial("max_label_length", "pos_label", pos_label),
    Trial("max_label_length", "queries", query),
    Trial("max_listed_queries", "ranking", listed_queries),
    Trial("max_resamples", "binary", resamples),
    Trial("max_resampled_values", "binary", resampled_values),
    Trial("max_curve_points", "binary", curve_points),
    Trial("max_values", "multilabel", cells),
    Trial("max_outputs", "quantiles", quantiles),
    Trial("max_label_length", "candidates", name_of_candidate),
    Trial("compressed_frames", "gzip", in_frames),
    Trial("object_keys", "JSON", keys, "schema"),
    Trial("object_keys", "CSV", columns, "schema"),
    Trial("object_keys", "query", parameters, "schema"),
    Trial("array_objects", "JSON", objects, "schema"),
    Trial("metadata_entries", "binary", entries),
    Trial("requirements", "binary", requirements),
    Trial("group_partitions", "names", names_of_groups),
    Trial("group_partitions", "crossings", crossings),
    Trial("ranks", "ranking", ranks),
    Trial("rank", "ranking", rank),
    Trial("weight", "largest", weight),
    Trial("weight", "smallest", small_weight),
]


@pytest.fixture(scope="module")
def small(decoder: dict[str, str], start_server: Callable[..., Server]) -> Server:
    """A service with all these limits."""
    environment = {f"ASSAY_{name.upper()}": str(limit) for name, limit in LIMITS.items()}
    return start_server(**environment, **decoder)


@pytest.fixture(scope="module")
def in_force(small: Server) -> dict[str, Limit]:
    """The table of limits as that service gives it."""
    answer = request(small.port, method="GET", target="/v1/limits", headers={})
    assert answer.status == 200
    return {limit["name"]: limit for limit in answer.json()["limits"]}


def test_every_limit_is_tried() -> None:
    table = {limit["name"] for limit in limits(Settings()) if limit["unit"] not in MEASURED}
    assert table == {trial.limit for trial in TRIALS}


def test_the_table_holds_the_values_in_force(in_force: dict[str, Limit]) -> None:
    assert {name: in_force[name]["value"] for name in LIMITS} == LIMITS
    by_default = {limit["name"]: limit for limit in limits(Settings())}
    assert in_force == {name: limit | {"value": LIMITS.get(name, limit["value"])} for name, limit in by_default.items()}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: f"{trial.limit} {trial.what}")
def test_limit(small: Server, server: Server, in_force: dict[str, Limit], trial: Trial) -> None:
    limit = in_force[trial.limit]
    port = (small if limit["variable"] else server).port
    for size in (before(limit["value"]), limit["value"]):
        answer = exchange(port, trial.request(size))
        if trial.within is None:
            assert answer.status == 200, (size, answer.text)
        else:
            assert answer.json()["type"] == TYPE_PREFIX + trial.within, (size, answer.text)
    answer = exchange(port, trial.request(after(limit["value"])))
    assert assert_problem(answer, limit["status"])["type"] == limit["problem"], answer.text


def before(value: float) -> float:
    """The next smaller one."""
    return value - 1 if isinstance(value, int) else math.nextafter(value, 0)


def after(value: float) -> float:
    """The next larger one."""
    return value + 1 if isinstance(value, int) else math.nextafter(value, math.inf)


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

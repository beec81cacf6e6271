"""Batches of each task in full precision, and the requests that they make in each media type."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from service.body import zstd_module
from service.media import JSON
from tests.benchmarks.peers import PEERS
from tests.encodings import ARROW, PARQUET, WRITTEN, columns_and_query

CLASSES = 10
DOCUMENTS = 10
# How a content coding compresses.
CODINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": partial(gzip.compress, compresslevel=6)}
if zstd := zstd_module():
    CODINGS["zstd"] = zstd.compress


def binary(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    labels = (rng.random(rows) < 0.3).astype(np.int64)
    return {"labels": labels, "scores": probabilities(labels, rng)}


def probabilities(labels: Any, rng: np.random.Generator) -> Any:
    return 1 / (1 + np.exp(-rng.normal(2 * labels - 1.5)))


def multiclass(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    labels = rng.integers(0, CLASSES, rows)
    evidence = rng.normal(2 * np.eye(CLASSES)[labels])
    likelihood = np.exp(evidence)
    return {"labels": labels, "scores": likelihood / likelihood.sum(axis=1, keepdims=True)}


def regression(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    labels = rng.gamma(2, size=rows) + 0.1
    return {"labels": labels, "predictions": labels * rng.lognormal(0, 0.2, rows)}


def ranking(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    """Ten documents a query, in random order."""
    labels = rng.integers(0, 4, rows)
    queries = rng.permutation(np.arange(rows) // DOCUMENTS)
    return {"labels": labels, "scores": rng.normal(labels), "queries": queries}


def compare(rows: int, rng: np.random.Generator) -> dict[str, Any]:
    """Two binary candidates on the same rows."""
    batch = binary(rows, rng)
    champion, challenger = {"scores": batch["scores"]}, {"scores": probabilities(batch["labels"], rng)}
    return {"labels": batch["labels"], "candidates": {"champion": champion, "challenger": challenger}}


BATCHES = {
    "binary": binary,
    "multiclass": multiclass,
    "regression": regression,
    "ranking": ranking,
    "compare": compare,
}


def with_logits(columns: dict[str, Any]) -> dict[str, Any]:
    """Scores that are no probabilities, and lie on both sides of 0."""
    return {"scores": np.log(columns["scores"] / (1 - columns["scores"]))}


def with_weights(columns: dict[str, Any]) -> dict[str, Any]:
    """A weight in full precision for each row."""
    return {"sample_weight": 1.5 - columns["scores"]}


def with_names(columns: dict[str, Any]) -> dict[str, Any]:
    """Labels that are strings."""
    return {"labels": np.where(columns["labels"], "default", "repaid"), "pos_label": "default"}


# What takes other ways through the service than plain columns do.
VARIANTS = {"scores outside [0, 2)": with_logits, "weights": with_weights, "names as labels": with_names}


class Request(NamedTuple):
    """What a client posts."""

    path: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Load:
    """A batch, and the requests for the metrics that peers compute of it."""

    task: str
    columns: dict[str, Any]

    @classmethod
    def drawn(cls, task: str, rows: int, rng: np.random.Generator) -> "Load":
        """A new batch of the task."""
        return cls(task, BATCHES[task](rows, rng))

    @cached_property
    def json(self) -> bytes:
        """The columns as a JSON object."""
        return json.dumps(self.columns, default=np.ndarray.tolist).encode()

    def variant(self, name: str) -> "Load":
        """The same batch with columns that take another way."""
        return Load(self.task, self.columns | VARIANTS[name](self.columns))

    @property
    def numbers(self) -> int:
        """How many numbers the columns hold."""
        candidates = self.columns.get("candidates", {}).values()
        flat = [*self.columns.values(), *(column for each in candidates for column in each.values())]
        return sum(column.size for column in flat if isinstance(column, np.ndarray))

    def request(self, kind: str = JSON, coding: str = "", **options: Any) -> Request:
        """The request in a media type and content coding."""
        path, asked = f"/v1/{self.task}/report", {"metrics": list(PEERS[self.task])} | options
        if self.task == "compare":
            path, asked = "/v1/binary/compare", asked | {"reference": "champion"}
        headers = {"Content-Type": kind} | ({"Content-Encoding": coding} if coding else {})
        if kind == JSON:
            body = self.json[:-1] + b", " + json.dumps(asked).encode()[1:]
        else:
            columns, query = columns_and_query(asked | {name: each.tolist() for name, each in self.columns.items()})
            rows = len(self.columns["labels"])
            write = partial(WRITTEN[kind], **{ARROW: {"batch_rows": rows}, PARQUET: {"group_rows": rows}}.get(kind, {}))
            path, body = f"{path}?{query}", write(columns)
        return Request(path, CODINGS[coding](body), headers)

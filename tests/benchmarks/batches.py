"""Batches of each task in full precision, as columns of a request."""

import json
from typing import Any

import numpy as np

from tests.benchmarks.peers import PEERS

Columns = dict[str, Any]
CLASSES = 10
DOCUMENTS = 10


def binary(rows: int, rng: np.random.Generator) -> Columns:
    labels = (rng.random(rows) < 0.3).astype(np.int64)
    return {"labels": labels, "scores": 1 / (1 + np.exp(-rng.normal(2 * labels - 1.5)))}


def multiclass(rows: int, rng: np.random.Generator) -> Columns:
    labels = rng.integers(0, CLASSES, rows)
    evidence = rng.normal(2 * np.eye(CLASSES)[labels])
    likelihood = np.exp(evidence)
    return {"labels": labels, "scores": likelihood / likelihood.sum(axis=1, keepdims=True)}


def regression(rows: int, rng: np.random.Generator) -> Columns:
    labels = rng.gamma(2, size=rows) + 0.1
    return {"labels": labels, "predictions": labels * rng.lognormal(0, 0.2, rows)}


def ranking(rows: int, rng: np.random.Generator) -> Columns:
    """Ten documents a query, in random order."""
    labels = rng.integers(0, 4, rows)
    queries = rng.permutation(np.arange(rows) // DOCUMENTS)
    return {"labels": labels, "scores": rng.normal(labels), "queries": queries}


BATCHES = {"binary": binary, "multiclass": multiclass, "regression": regression, "ranking": ranking}


def body_of(task: str, columns: Columns, **options: Any) -> bytes:
    """A request for the metrics that the peer computes."""
    values = {name: column.tolist() for name, column in columns.items()}
    return json.dumps(values | {"metrics": list(PEERS[task])} | options).encode()

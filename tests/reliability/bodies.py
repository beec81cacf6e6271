"""Requests that take a worker little or much to answer."""

import json
import random
from typing import Any


def drawn(rows: int, **options: Any) -> bytes:
    """A binary request of so many rows."""
    draw = random.Random(0)
    scores = [round(draw.random(), 3) for _ in range(rows)]
    labels = [int(draw.random() < score) for score in scores]
    return json.dumps({"labels": labels, "scores": scores} | options).encode()


def slow_request(resamples: int = 200) -> bytes:
    """A small body whose report takes long to compute."""
    return drawn(200, interval_method="bootstrap", resamples=resamples, metrics=["accuracy", "roc_auc"])


def short_request() -> bytes:
    """A small body whose report takes about ten times as long as to refuse it."""
    return drawn(20, interval_method="bootstrap", resamples=200, metrics=["roc_auc"])

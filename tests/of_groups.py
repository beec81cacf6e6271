"""Batches in groups, and what a report says of these."""

from dataclasses import replace
from typing import Any

import numpy as np

from service.by_group import sections_of
from service.metrics.batch import Batch, Partition, Reading
from tests.cases import reading
from tests.tasks import KNOWN
from tests.tasks.binary import binary


def grouped(batch: Batch, *codes: Any) -> Batch:
    """The batch with a partition for each of these columns of group numbers."""
    return replace(batch, groups=np.stack([np.asarray(column, dtype=np.uint16) for column in codes], axis=1))


def asking(task: str, batch: Batch, **options: Any) -> Reading:
    """A reading with partitions of these groups, numbered from 0."""
    numbers = [range(int(column.max()) + 1) for column in batch.groups.T]
    partitions = [Partition((f"g{place}",), tuple((n,) for n in each)) for place, each in enumerate(numbers)]
    return replace(reading(task, curves=False), partitions=tuple(partitions), **options)


def sections(task: str, batch: Batch, **options: Any) -> dict[str, Any]:
    """What a report says of the groups of a batch."""
    return sections_of(batch, KNOWN[task].question, asking(task, batch, **options))


def randomly(task: str, batch: Batch, number: int, seed: int = 0) -> Batch:
    """The batch in random groups, each unit as a whole."""
    _, unit = np.unique(KNOWN[task].units(batch), return_inverse=True)
    return grouped(batch, np.random.default_rng(seed).integers(0, number, unit.max() + 1)[unit])


def drawn(rows: int, weights: str = "none", seed: int = 0) -> Batch:
    """Noisy scores, at least two rows of each class."""
    rng = np.random.default_rng(seed)
    truth = np.concatenate([[True, True, False, False], rng.random(rows - 4) < 0.4])
    scores = np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 1)
    return binary(truth, scores, rng.uniform(0.2, 3, rows) if weights == "real" else None)


def of_counts(*groups: tuple[int, int, int, int]) -> Batch:
    """Groups of so many true positives, false negatives, false positives and true negatives."""
    kinds = [(1, 1), (1, 0), (0, 1), (0, 0)]
    rows = [
        (*kind, place) for place, of in enumerate(groups) for kind, n in zip(kinds, of, strict=True) for _ in range(n)
    ]
    truth, predicted, place = np.array(rows).T
    return grouped(binary(truth, None, None, predicted), place)


def gap_of(found: dict[str, Any], metric: str, place: int = 0) -> dict[str, Any]:
    return [gap for gap in found["gaps"] if gap["metric"] == metric][place]

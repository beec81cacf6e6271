"""Parts of a report on several classes that are no metrics of the whole: the matrix, and a table of the classes."""

from collections.abc import Iterator
from typing import Any, TypedDict

import numpy as np

from service.metrics.batch import Label, Question
from service.metrics.binary_states import Cells
from service.metrics.class_states import Areas, ClassTable, ColumnScores
from service.metrics.multiclass_states import Confusion
from service.metrics.sections import plain
from service.metrics.states import effective
from service.metrics.undefined import Undefined


class ClassMatrix(TypedDict):
    """The weight, without weights the number, of the rows of each label (rows) that are predicted so (columns)."""

    classes: list[Label]
    matrix: list[list[int]] | list[list[float]]
    normalized: list[list[float] | None]


def classes(question: Question) -> list[Label]:
    """The classes, in the order of the columns."""
    return [label for label in question.classes if label is not None]


def absent_classes(table: ClassTable, question: Question) -> list[Label]:
    """Classes that neither labels nor predictions hold. In macro averages they count as 0."""
    seen = (table.counts.truth.floats > 0) | (table.counts.predicted.floats > 0)
    return [label for label, there in zip(classes(question), seen, strict=True) if not there]


def confusion_matrix(matrix: Confusion, question: Question) -> ClassMatrix:
    """How the rows of each class are predicted; `normalized` divides by the row's sum and is null for an empty row."""
    cells = matrix.cells.floats.reshape(matrix.size, matrix.size)
    whole = bool(np.all(cells == np.floor(cells)) and cells.max() < 2**53)
    rows = zip(cells, matrix.counts.truth.floats, strict=True)
    return {
        "classes": classes(question),
        "matrix": (cells.astype(np.int64) if whole else cells).tolist(),
        "normalized": [(row / weight).tolist() if weight else None for row, weight in rows],
    }


def per_class(
    table: ClassTable, scores: ColumnScores | Undefined, question: Question
) -> Iterator[tuple[dict[str, Any], dict[type[Any], Any]]]:
    """Each class against all others."""
    areas = [scores] * len(question.classes) if isinstance(scores, Undefined) else scores.areas
    for label, cells, area in zip(classes(question), table.one_vs_rest(), areas, strict=True):
        yield {"class": label}, {Cells: cells, Areas: area}


def support(cells: Cells) -> int | float:
    """Weight, without weights the number, of the rows of the class."""
    return plain(cells.tp + cells.fn)


def effective_samples(cells: Cells) -> float:
    """Effective number of the rows of the class, (sum w)^2 / sum w^2; 0 where there are none.

    Reference: L. Kish, Survey Sampling, 1965
    """
    support = cells.tp + cells.fn
    return effective(support, cells.tp2 + cells.fn2) if support else 0.0


def predicted(cells: Cells) -> int | float:
    """Weight, without weights the number, of the rows predicted as the class."""
    return plain(cells.tp + cells.fp)

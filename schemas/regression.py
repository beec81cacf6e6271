"""The request for the report of a regression."""

from dataclasses import replace
from typing import Any

import numpy as np
from marshmallow import post_load

from schemas.columns import Outputs
from schemas.complaints import complaint, complaints_at
from schemas.fields import Field, OpenAPI, an_array, bad_elements, not_a_number
from schemas.requests import ReportRequest, Request, counts_of, refused, same_length
from service.metrics.batch import Batch, Question
from service.metrics.exact import Floats

MEDIAN = 0.5


class Quantiles(Field):
    """Levels of quantiles: numbers between 0 and 1, each once, in any order."""

    def read(self, value: Any) -> tuple[float, ...]:
        levels = an_array(value)
        if len(levels) == 0:
            raise complaint("The list is empty. Leave the field out if no quantiles are predicted.", "bad-option")
        if len(levels) > self.limits.max_outputs:
            raise complaint(f"More than {self.limits.max_outputs} quantiles.", "limit-exceeded")
        if isinstance(levels, list):
            raise complaints_at(bad_elements(levels, not_a_number), "bad-option")
        if levels.ndim == 2:
            raise complaint("An array of arrays. Send one number a quantile.", "bad-option")
        outside = bad_elements(levels, lambda level: None if 0 < level < 1 else "Not between 0 and 1.")
        if outside:
            raise complaints_at(outside, "bad-option")
        seen: set[float] = set()
        again = bad_elements(levels.tolist(), lambda level: "Named twice." if level in seen else seen.add(level))
        if again:
            raise complaints_at(again, "bad-option")
        return tuple(levels.tolist())

    def openapi(self) -> OpenAPI:
        return {
            "type": "array",
            "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "minItems": 1,
            "maxItems": self.limits.max_outputs,
            "uniqueItems": True,
        }


class RegressionReport(ReportRequest):
    """A request for the report of a regression."""

    task = "regression"

    labels = Outputs("The true values: one a row, or a row of several outputs.", required=True)
    predictions = Outputs(
        "What the model predicted, in the shape of labels; with `quantiles` in every row one number for each of them.",
        required=True,
    )
    quantiles = Quantiles(
        "What the columns of predictions are: quantiles of these levels, between 0 and 1, in any order. With 0.5 among "
        "them, the median is the prediction that all other metrics are of."
    )

    @post_load
    def resolved(self, data: dict[str, Any], **_: Any) -> Request:
        """The request as the core takes it."""
        labels, predictions, weight = data["labels"], data["predictions"], data.get("sample_weight")
        same_length({"predictions": predictions, "sample_weight": weight}, len(labels))
        question = Question(self.task, quantiles=data.get("quantiles", ()), counts=counts_of(data))
        if question.quantiles:
            batch = of_quantiles(labels, predictions, question.quantiles)
        elif labels.shape == predictions.shape:
            batch = Batch(truth=labels, predicted=predictions)
        else:
            raise refused("predictions", "As many rows as labels, but another number of outputs.", "length-mismatch")
        if data.get("curves") and labels.ndim == 2:
            raise refused("curves", "Curves show one output. Send each output on its own.", "bad-option")
        return self.request(data, replace(batch, weight=weight), question)


def of_quantiles(labels: Floats, predictions: Floats, levels: tuple[float, ...]) -> Batch:
    """The batch of predicted quantiles: the median, where it is among them, is the prediction."""
    if labels.ndim == 2:
        raise refused("quantiles", "Quantiles are of one output. Send labels of one number a row.", "bad-option")
    columns = predictions.reshape(len(labels), -1)
    if columns.shape[1] != len(levels):
        text = f"{columns.shape[1]} numbers a row, but there are {len(levels)} quantiles."
        raise refused("predictions", text, "length-mismatch")
    median = np.ascontiguousarray(columns[:, levels.index(MEDIAN)]) if MEDIAN in levels else None
    return Batch(truth=labels, predicted=median, scores=columns)

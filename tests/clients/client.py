"""Posts a batch, reads the catalogue and provokes a problem, all with the client made from openapi.yaml."""

import json
import sys
from pathlib import Path

from assay_client import Client
from assay_client.api.reports import (
    report_binary,
    report_multiclass,
    report_multilabel,
    report_ranking,
    report_regression,
)
from assay_client.api.service import metrics
from assay_client.models import (
    BinaryReport,
    BinaryReportRequest,
    Catalogue,
    MulticlassReport,
    MulticlassReportRequest,
    MultilabelReport,
    MultilabelReportRequest,
    Problem,
    RankingReport,
    RankingReportRequest,
    RegressionReport,
    RegressionReportRequest,
)
from assay_client.types import Unset


def report(client: Client, request: BinaryReportRequest) -> BinaryReport:
    """The report of a batch."""
    answer = report_binary.sync(client=client, body=request)
    assert isinstance(answer, BinaryReport)
    return answer


def other_tasks(client: Client) -> dict[str, object]:
    """Something of the report of each other task."""
    probabilities = [[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.1, 0.2, 0.7]]
    animals = MulticlassReportRequest(
        labels=["dog", "cat", "cow", "cat"], scores=probabilities, classes=["dog", "cat", "cow"]
    )
    topics = MultilabelReportRequest(
        labels=[["art"], ["art", "law"], []], scores=[[0.5, 2], [1, -1], [0, 0]], classes=["art", "law"]
    )
    documents = RankingReportRequest(labels=[0, 1, 2], scores=[3, 2, 1], queries=["q", "q", "r"], k=[2], per_query=True)
    intervals = RegressionReportRequest(
        labels=[1, 2, 3], predictions=[[0, 1, 2], [1, 2, 3], [4, 5, 6]], quantiles=[0.25, 0.5, 0.75]
    )
    multiclass = report_multiclass.sync(client=client, body=animals)
    multilabel = report_multilabel.sync(client=client, body=topics)
    ranking = report_ranking.sync(client=client, body=documents)
    regression = report_regression.sync(client=client, body=intervals)
    assert isinstance(multiclass, MulticlassReport)
    assert isinstance(multilabel, MultilabelReport)
    assert isinstance(ranking, RankingReport)
    assert isinstance(regression, RegressionReport)
    assert not isinstance(ranking.per_query, Unset)
    assert regression.prediction_intervals
    return {
        "matrix": multiclass.confusion_matrix.matrix,
        "recalls": {str(each.class_): each.recall for each in multilabel.per_class},
        "no_log_loss": multilabel.undefined["log_loss"].reason,
        "ndcg_at_2": ranking.metrics["ndcg_at_2"],
        "of_queries": [each["ndcg_at_2"] for each in ranking.per_query],
        "coverage": regression.prediction_intervals[0].coverage,
        "pinball_loss_at_0_25": regression.metrics["pinball_loss_at_0_25"],
    }


def main(url: str, file: str) -> None:
    """Print what the service answers."""
    client = Client(base_url=url)
    columns = json.loads(Path(file).read_text(encoding="utf-8"))
    options = {"curves": True, "metadata": {"client": "python"}}
    full = report(client, BinaryReportRequest.from_dict(columns | options))
    silent = report(client, BinaryReportRequest(labels=["no"], predictions=["no"], pos_label="yes"))
    catalogue = metrics.sync(client=client)
    problem = report_binary.sync(client=client, body=BinaryReportRequest(labels=[0, 1], scores=[0.5]))
    wrong: list[float] = ["0.5"]  # type: ignore[list-item]  # the types refuse what the service refuses
    refused = report_binary.sync(client=client, body=BinaryReportRequest(labels=[0], scores=[*wrong]))
    assert isinstance(catalogue, Catalogue)
    assert isinstance(problem, Problem)
    assert not isinstance(full.curves, Unset)
    assert full.curves.roc is not None
    assert not isinstance(full.metadata, Unset)
    assert isinstance(refused, Problem)
    assert not isinstance(problem.errors, Unset)
    assert not isinstance(refused.errors, Unset)
    answers = {
        "samples": full.samples,
        "roc_auc": full.metrics.roc_auc,
        "true_positives": full.confusion_matrix.tp,
        "first_threshold": full.curves.roc.thresholds[0],
        "last_rate": full.curves.roc.tpr[-1],
        "echoed": full.metadata["client"],
        "recall": silent.metrics.recall,
        "reason": silent.undefined["recall"].reason,
        "metrics": [metric.name for metric in catalogue.metrics],
        "problem": problem.type_,
        "refused": refused.errors[0].pointer,
        "pointer": problem.errors[0].pointer,
        **other_tasks(client),
    }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Posts a batch, reads the catalogue and provokes a problem, all with the client made from openapi.yaml."""

import json
import sys
from pathlib import Path

from assay_client import Client
from assay_client.api.reports import report_binary
from assay_client.api.service import metrics
from assay_client.models import BinaryReport, BinaryReportRequest, Catalogue, Problem
from assay_client.types import Unset


def report(client: Client, request: BinaryReportRequest) -> BinaryReport:
    """The report of a batch."""
    answer = report_binary.sync(client=client, body=request)
    assert isinstance(answer, BinaryReport)
    return answer


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
    }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The requests for a report: one schema a task."""

from schemas.binary import BinaryReport
from schemas.multiclass import MulticlassReport
from schemas.multilabel import MultilabelReport
from schemas.ranking import RankingReport
from schemas.regression import RegressionReport
from schemas.requests import ReportRequest

REPORTS: dict[str, type[ReportRequest]] = {
    schema.task: schema
    for schema in (
        BinaryReport,
        MulticlassReport,
        MultilabelReport,
        RegressionReport,
        RankingReport,
    )
}

"""What the tests know of each task, one module a task or a kind of question of it."""

from tests.tasks import binary, multiclass, multilabel, quantiles, ranking, regression
from tests.tasks.known import Known

KNOWN: dict[str, Known] = {
    "binary": binary.KNOWN,
    "ranking": ranking.KNOWN,
    "multiclass": multiclass.KNOWN,
    "multilabel": multilabel.KNOWN,
    "regression": regression.KNOWN,
    "regression of quantiles": quantiles.KNOWN,
}

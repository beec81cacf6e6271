"""THE list of what a report holds: for each task its metrics, its other sections, and the state of its labels.

A row says only what cannot be read from its function: summary, formula and reference come from the docstring, the
states from the annotations. Adding a metric is one function and one row, in the file of its task.
"""

from service.metrics.catalogue.binary import BINARY
from service.metrics.catalogue.multiclass import MULTICLASS
from service.metrics.catalogue.multilabel import MULTILABEL
from service.metrics.catalogue.ranking import RANKING
from service.metrics.catalogue.regression import REGRESSION
from service.metrics.row import Task

TASKS: dict[str, Task] = {task.name: task for task in (BINARY, MULTICLASS, MULTILABEL, REGRESSION, RANKING)}

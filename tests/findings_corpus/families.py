"""THE list of families, of all tasks."""

from tests.findings_corpus import binary, compare, groups, multiclass, multilabel, ranking, regression
from tests.findings_corpus.corpus import Family

FAMILIES: tuple[Family, ...] = (
    *binary.FAMILIES,
    *multiclass.FAMILIES,
    *multilabel.FAMILIES,
    *regression.FAMILIES,
    *ranking.FAMILIES,
    *groups.FAMILIES,
    *compare.FAMILIES,
)

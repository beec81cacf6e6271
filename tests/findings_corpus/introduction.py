"""The words of the page: where the payloads come from, and what counts as true of them."""

from tests.findings_corpus import binary_laws, class_laws, ranking, regression
from tests.findings_corpus.corpus import FEW, FEW_OF_A_CLASS


def between(bounds: tuple[float, float]) -> str:
    """The margin in which a condition is left open."""
    low, high = bounds
    return f"from {low:g} to {high:g}"


# What is true of a payload that has the finding, in words, as the laws of this package compute it.
MEANINGS = {
    "accuracy_paradox": "in the population at least 0.8 of the rows are right, but the rarer class, or any "
    "of several, has a recall below 0.5; or the rarer class a precision below it, and of several the accuracy is below "
    f"the share of the largest; left open with an accuracy {between(binary_laws.OPEN_ACCURACY)}",
    "biased": "the mean error of the population is more than 0.1 standard deviations, of the labels and of the errors; "
    f"left open {between(regression.OPEN_BIAS)}, or where the two disagree",
    "class_imbalance": "in the rows sent the rarer class has less than 0.1 of the weight; of several classes the "
    "rarest less than 0.1 of that of the most frequent",
    "columns_permuted": "scores were sent with columns at the place of another class",
    "confused_classes": "in the population a class is predicted to be one other in at least 0.15 of its rows, and "
    f"three times as often as rows of neither; left open {between(class_laws.OPEN_CONFUSION)}, and "
    f"{between(class_laws.OPEN_TIMES)} times",
    "no_better_than_chance": "labels are drawn without regard to the scores",
    "constant_predictions": f"all of {FEW} rows or more have one prediction",
    "constant_scores": f"all of {FEW} rows or more have the same scores",
    "duplicated_rows": "the same rows were sent twice, four or six times",
    "group_far_behind": "one group is of another population than the rest; else groups were drawn without a look at "
    "the rows",
    "hard_scores": f"{FEW} rows or more have scores of 0 and 1 only (left open where they are two other numbers)",
    "identical_metrics": "both columns of one-hot labels and scores were sent as rows",
    "inverted_scores": "the area under the ROC curve of the population is below 0.5; in a ranking the share of pairs "
    "of documents in the right order, on average over queries, and in a regression the correlation is below -0.1, "
    "left open up to 0",
    "labels_look_categorical": "numbers of classes were sent as labels and predictions of a regression",
    "logits": "scores lie outside [0, 1]",
    "looks_paired": "candidates of the same rows were sent with labels of their own",
    "low_precision": "the precision of the population is below 0.5",
    "low_recall": "the recall of the population is below 0.5",
    "micro_equals_accuracy": "the report holds several metrics that are equal by definition",
    "miscalibrated": "scores of the population are on average more than 0.03 from the share of the positive, or in a "
    f"multiclass task of the right, in ten bins; left open {between(binary_laws.OPEN_MISCALIBRATION)}; in a "
    "regression the share of labels below a quantile is off by at least 0.05; left open "
    f"{between(regression.OPEN_COVERAGE)}",
    "no_comparison": "the primary metric has no value",
    "no_significant_difference": "both candidates have one law (intervals of 99 % miss that once in a hundred times); "
    "left open where there is a true difference that may be too small for the rows",
    "one_hot_binary": "labels or scores were sent as two columns",
    "one_query_dominates": "one query has more than half of the weight",
    "outliers_dominate": "a hundredth of the rows has most of the squared error; left open where this is "
    f"{between(regression.OPEN_OUTLIERS)} of it",
    "overfit": "the candidate named train is of the rows that a tree has learnt from",
    "perfect_scores": "scores separate the classes of the population without a mistake; left open where the area under "
    f"the ROC curve is {between(binary_laws.OPEN_AUC)}, as no mistake among few rows is no wonder there",
    "predictions_disagree_with_scores": "predictions of some rows are those of other rows",
    "queries_without_relevance": "at least half of the queries sent have no relevant document; left open "
    f"{between(ranking.OPEN_WITHOUT)}",
    "recall_trade_off": "the recall of the population is below 0.5, and there are scores",
    "single_class": "all labels are of one class",
    "small_sample": f"a class has fewer than {FEW_OF_A_CLASS} effective rows, or a regression, or a ranking "
    "effective queries",
    "threshold_far_from_best": "another threshold saves at least 0.05 of the cost of the population; left open "
    f"{between(binary_laws.OPEN_GAIN)}",
    "units_differ": "predictions are in another unit than labels, of a model with a correlation above 0.9",
    "unstable_macro": f"a class of several has fewer than {FEW_OF_A_CLASS} effective rows, of which one moves a mean "
    f"over classes by at least {class_laws.FAR}; left open where it moves it by less",
    "worse_than_mean": "R2 of the population is below 0",
    "worst_classes": "the recall of a class of the population is below 0.5",
}

INTRODUCTION = """\
# Corpus of findings

What the findings of reports tell, and what they fail to tell. `make findings-corpus` makes the payloads, asks the
service in-process for each report, and writes this page; `make test` runs some of the payloads.

**Where payloads come from.** Models of scikit-learn learn from real data sets, and say of each row what they think of
it without having learnt from it (five folds). Their scores on these rows are the population. *Right scores*: labels are
drawn with the scores as probabilities, which makes them calibrated; prevalences are changed by moving all log-odds.
*Real labels*: rows keep the labels they have. Samples are drawn with replacement, in many sizes and shapes. All data
sets come with scikit-learn (breast cancer, digits, wine, iris, diabetes) or statsmodels (anes96, engel, modechoice and
randhie, in the public domain; fair, with permission of the author), which the tests need anyway; none is copied.

**What is true of a payload** is known from how it was made: from its population, in which every share, area and error
is computed exactly, or by counting the rows that were sent. No rule or threshold of the service is read, only the list
of its codes. Of a corrupted payload, all other findings are judged as well, but for those of copied, misaligned and
one-class rows, and those that depend on the shares of several classes where these were changed. Between the bounds
that are named below a condition is left open; *left open* counts clean payloads.

{meanings}

**What is demanded.** Each finding is found in at least 0.95 of the payloads, of every strength, that have *least* rows
or more; smaller ones are shown beside. It is a false alarm in at most 0.01 of the payloads of which it is untrue, in
all families together and in each. Any false alarm that is no mere information is in at most 0.05 of the payloads of
each family and of each shape. One payload is always allowed, as it says little of how often a rule errs. *worst family*
is that with the largest share of false alarms, and *lowest recall* that of the strength which is found least often.
""".format(meanings="\n".join(f"- `{code}`: {text}." for code, text in sorted(MEANINGS.items())))

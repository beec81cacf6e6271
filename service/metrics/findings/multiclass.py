"""What reports of a multiclass task find in their own numbers."""

import numpy as np

from service.metrics import multiclass
from service.metrics.batch import Question, Reading
from service.metrics.class_states import ColumnScores
from service.metrics.exact import Floats
from service.metrics.findings.binary_scores import leaked, miscalibrated
from service.metrics.findings.classes import effective_rows, low_shares
from service.metrics.findings.rule import CERTAIN, Evidence, Found, Rule, certain
from service.metrics.intervals import limits_of_shares, wilson_limits
from service.metrics.multiclass_states import Confusion, Support, TopChoices
from service.metrics.sections import plain, samples
from service.metrics.sweep_states import Sweep
from service.metrics.undefined import Undefined

# Each row has one label and one prediction, so hits, labels and predictions of all classes add up alike.
EQUAL_TO_ACCURACY = {"accuracy", "precision_micro", "recall_micro", "f1_micro", "f2_micro"}
EVEN = 0.5
# Fewer effective rows are none, but what rounding left of them.
ROUNDING = 1e-6
# Sentences name so many pairs of classes, and so many columns.
MOST_PAIRS, MOST_COLUMNS = 3, 10


def with_micro_averages(_: Question, reading: Reading) -> bool:
    """Reports that hold several of the metrics that are equal by definition look for the finding."""
    return len(EQUAL_TO_ACCURACY.intersection(reading.metrics)) > 1


def with_macro_averages(_: Question, reading: Reading) -> bool:
    """Reports that hold a mean over classes look for the finding."""
    return any(name.endswith("_macro") or name == "balanced_accuracy" for name in reading.metrics)


def single_class(labels: Support, question: Question) -> Found:
    """All labels are of one class."""
    if np.count_nonzero(labels.classes.floats) == 1:
        yield {"class": question.classes[int(labels.classes.floats.argmax())], "samples": samples(labels, question)}


def class_imbalance(matrix: Confusion, question: Question, least_ratio: float) -> Found:
    """The rarest class in the labels has less than {least_ratio} of the weight of the most frequent one.

    With 99.9 %.
    """
    weights, squares = matrix.effective(matrix.counts.truth), matrix.effective_squares(matrix.squares.truth)
    rarest, most = int(np.where(weights > 0, weights, np.inf).argmin()), int(weights.argmax())
    parts = [(weights[place : place + 1], squares[place : place + 1]) for place in (rarest, most)]
    _, (limit,) = limits_of_shares(parts[0], parts[1], certain(int(np.count_nonzero(weights))))
    if limit < least_ratio / (1 + least_ratio):
        yield {
            "class": question.classes[rarest],
            "samples": plain(weights[rarest].item()),
            "share": float(weights[rarest] / weights.sum()),
            "majority": question.classes[most],
            "majority_samples": plain(weights[most].item()),
        }


def accuracy_paradox(matrix: Confusion, question: Question, least_accuracy: float, low: float) -> Found:
    """At least {least_accuracy} of the rows are right, but a class is missed, or predicted at a loss.

    Missed: its recall is below {low}, and it is not the most frequent class. At a loss: always predicting the most
    frequent class would be right more often. Both with 99.9 %.
    """
    accuracy, truth = float(matrix.right.value), matrix.counts.truth.exact
    if accuracy < least_accuracy or sum(map(bool, truth)) == 1:
        return
    missed, shares = low_shares(matrix, "truth", low)
    majority = truth.index(max(truth))
    places = [place for place in missed if place != majority]
    if not places and not loses(matrix, majority):
        return
    among = places or [place for place, weight in enumerate(truth) if weight and place != majority]
    place = min(among, key=shares.__getitem__)
    yield {
        "accuracy": accuracy,
        "baseline": float(truth[majority] / matrix.weight),
        "majority": question.classes[majority],
        "class": question.classes[place],
        "found": plain(matrix.effective(matrix.counts.hits)[place].item()),
        "samples": plain(matrix.effective(matrix.counts.truth)[place].item()),
    }


def loses(matrix: Confusion, majority: int) -> bool:
    """Whether always predicting this class would be right more often, with 99.9 %.

    Of the rows where one of both is right and the other is wrong, the model has less than half.
    """
    hits, truth = matrix.effective(matrix.counts.hits), matrix.effective(matrix.counts.truth)
    hits2, truth2 = matrix.effective_squares(matrix.squares.hits), matrix.effective_squares(matrix.squares.truth)
    others = np.arange(matrix.size) != majority
    won = hits[others].sum(keepdims=True), hits2[others].sum(keepdims=True)
    lost = (truth - hits)[~others], (truth2 - hits2)[~others]
    return bool(limits_of_shares(won, lost, CERTAIN)[1] < EVEN)


def confused_classes(matrix: Confusion, question: Question, least_share: float, times: float) -> Found:
    """More than {least_share} of the rows of a class are predicted as another one, {times} times as many as of others.

    The others are the rows of neither class. With 99.9 % for all pairs of classes together.
    """
    size, groups = matrix.size, matrix.cells.groups
    truth, predicted = groups // size, groups % size
    apart = truth != predicted
    truth, predicted, groups = truth[apart], predicted[apart], groups[apart]
    hits, rows, calls = (matrix.effective(sums) for sums in matrix.counts)
    rows2 = matrix.effective_squares(matrix.squares.truth)
    taken, taken2 = matrix.effective(matrix.cells)[groups], matrix.effective_squares(matrix.cells2)[groups]
    of_class, of_class2 = rows[truth], rows2[truth]
    level = certain(size * (size - 1))
    low, _ = limits_of_shares((taken, taken2), (of_class - taken, of_class2 - taken2), level)
    others = rows.sum() - of_class - rows[predicted]
    elsewhere = np.where(others > ROUNDING, (calls[predicted] - taken - hits[predicted]) / others, np.inf)
    found = np.flatnonzero((low > least_share) & (low > times * elsewhere))
    if len(found):
        shares = taken / of_class
        first = found[np.argsort(-shares[found], kind="stable")][:MOST_PAIRS]
        yield {
            "number": len(found),
            "pairs": [
                {
                    "class": question.classes[truth[place]],
                    "predicted": question.classes[predicted[place]],
                    "share": float(shares[place]),
                    "confused": plain(taken[place].item()),
                    "samples": plain(of_class[place].item()),
                }
                for place in first
            ],
        }


def columns_permuted(choices: TopChoices, matrix: Confusion, question: Question, least_gain: float) -> Found:
    """Scores fit the labels only after columns are renamed: {least_gain} more of the rows would have the largest right.

    Columns are renamed where labels of a class score highest in the column of another class more often than in its
    own, with 99.9 % for all columns together, and all of these make a full exchange.
    """
    matrix = matrix if choices.agree else choices.matrix
    weights, squares = matrix.effective(matrix.cells), matrix.effective_squares(matrix.cells2)
    table = weights.reshape(matrix.size, matrix.size)
    column_of = exchange(table, squares.reshape(table.shape))
    moved = sorted(column_of)
    gain = sum(table[place, column_of[place]] - table[place, place] for place in moved) / weights.sum()
    if moved and gain > least_gain:
        before = float(matrix.right.value)
        yield {
            "accuracy": before,
            "accuracy_renamed": before + float(gain),
            "number": len(moved),
            "columns": [
                {"column": question.classes[column_of[place]], "class": question.classes[place]}
                for place in moved[:MOST_COLUMNS]
            ],
        }


def exchange(table: Floats, squares: Floats) -> dict[int, int]:
    """The column that belongs to each class that has the column of another one; none where these are no exchange.

    A chain of classes whose columns are known ends at one that has too few rows to tell: it gets the column that is
    left, unless its rows score highest in its own.
    """
    own = np.arange(len(table))
    best = table.argmax(axis=1)
    if np.all((best == own) | (table[own, best] == 0)):
        return {}
    sides = [(table[own, column], squares[own, column]) for column in (best, own)]
    low, _ = limits_of_shares(sides[0], sides[1], certain(len(table) ** 2))
    moved = np.flatnonzero((best != own) & (low > EVEN))
    heaviest = moved[np.argsort(-table[moved, best[moved]] / table[moved].sum(axis=1), kind="stable")]
    place_of: dict[int, int] = {}
    for place in heaviest.tolist():
        place_of.setdefault(int(best[place]), place)
    column_of = {place: column for column, place in place_of.items()}
    for start in sorted(column_of.keys() - place_of.keys()):
        end = start
        while end in column_of:
            end = column_of[end]
        if table[end, end] > table[end, start]:
            return {}
        column_of[end] = start
    return column_of


def constant_predictions(matrix: Confusion, labels: Support, question: Question, fewest: float) -> Found:
    """All of at least {fewest} rows are predicted as one class, while labels are of several."""
    truth, predicted = matrix.counts.truth.floats, matrix.counts.predicted.floats
    of = np.count_nonzero(truth)
    if samples(labels, question) >= fewest and of > 1 == np.count_nonzero(predicted):
        only = question.classes[int(predicted.argmax())]
        yield {"class": only, "classes_in_labels": int(of), "samples": samples(labels, question)}


def constant_scores(labels: Support, scores: ColumnScores, question: Question, fewest: float) -> Found:
    """All of at least {fewest} rows have the same scores."""
    if samples(labels, question) >= fewest and scores.constant:
        yield {"samples": samples(labels, question)}


def perfect_scores(matrix: Confusion, top: Sweep | Undefined, fewest: float) -> Found:
    """Two classes have at least {fewest} effective rows, and there is no mistake: by scores, or else by predictions."""
    right = matrix.counts.hits.total == matrix.weight if isinstance(top, Undefined) else bool(top.truth.all())
    if right and sum(rows >= fewest for rows in effective_rows(matrix)) > 1:
        yield {
            "what": "Every prediction is right"
            if isinstance(top, Undefined)
            else "In every row the class of the label has the largest score"
        }


def predictions_disagree_with_scores(choices: TopChoices, most: float) -> Found:
    """More than {most} of the rows are predicted as another class than scores highest, with 99.9 %."""
    if choices.agree:
        return
    overruled = choices.overruled
    share = float(overruled.value)
    if share > most and wilson_limits(share, overruled.share_size, CERTAIN)[0] > most:
        yield {"share": share}


def unstable_macro(matrix: Confusion, question: Question, fewest: float, least_move: float) -> Found:
    """One row of a class with fewer than {fewest} effective rows moves a macro average by at least {least_move}."""
    rows = effective_rows(matrix)
    smallest = min((number, place) for place, number in enumerate(rows) if number)
    evidence: Evidence = {
        "class": question.classes[smallest[1]],
        "effective_samples": smallest[0],
        "of": matrix.size,
        "moved": 1 / (smallest[0] * matrix.size),
    }
    if smallest[0] < fewest and evidence["moved"] >= least_move:
        yield evidence


def micro_equals_accuracy(matrix: Confusion) -> Found:
    """Several of accuracy and the micro averages are asked for."""
    yield {"accuracy": float(multiclass.accuracy(matrix).value)}


RULES: tuple[Rule, ...] = (
    Rule(
        columns_permuted,
        severity="error",
        tasks=("multiclass",),
        explains=("accuracy_paradox", "worst_classes", "confused_classes", "miscalibrated"),
        thresholds={"least_gain": 0.05},
        message="Columns of scores seem to be named wrongly: the largest score is that of the label in {accuracy:.1%} "
        "of the rows, and would be in {accuracy_renamed:.1%} if {number} columns were renamed: {columns:that of class "
        "<column> to class <class>}.",
        advice="Name the columns in their order with classes, as the model has them, such as in its classes_. Without "
        "it they are those of the sorted labels.",
    ),
    Rule(
        accuracy_paradox,
        severity="warning",
        tasks=("multiclass",),
        thresholds={"least_accuracy": 0.8, "low": 0.5},
        message="{accuracy:.1%} of the predictions are right, but of {samples} rows of class {class} only {found} are "
        "recognised. Always predicting class {majority} would be right in {baseline:.1%}.",
        advice="Do not judge this model by accuracy. Look at balanced_accuracy, matthews_corrcoef and per_class.",
    ),
    Rule(
        miscalibrated,
        severity="warning",
        tasks=("multiclass",),
        thresholds={"z": 3.29, "least_error": 0.03},
        message="The largest score of a row is not the probability that its class is right: such scores are "
        "{direction}, and miss the share of right ones by {expected_calibration_error:.3f} on average, where chance "
        "would explain {expected_if_calibrated:.3f}. Their mean is {mean_score:.3f}, the share of right ones "
        "{fraction_positive:.3f}.",
        advice="Recalibrate on rows that the model has not learnt from, such as by temperature scaling. That changes "
        "no prediction.",
    ),
    Rule(
        predictions_disagree_with_scores,
        severity="warning",
        tasks=("multiclass",),
        thresholds={"most": 0.01},
        message="{share:.1%} of the rows are predicted as another class than the one with the largest score.",
        advice="See whether both come from the same model and rows, and whether the columns are in the order of "
        "classes. Metrics of ranks read scores, those of the confusion matrix predictions.",
    ),
    leaked(perfect_scores, tasks=("multiclass",)),
    Rule(
        constant_scores,
        severity="warning",
        tasks=("multiclass",),
        thresholds={"fewest": 20},
        message="All {samples} rows have the same scores: they tell no row from another.",
        advice="See whether the model answers with a default, or failed to load.",
    ),
    Rule(
        constant_predictions,
        severity="warning",
        tasks=("multiclass",),
        thresholds={"fewest": 20},
        message="All {samples} predictions are class {class}, though the labels are of {classes_in_labels} classes.",
        advice="See whether the model answers with a default, or always with the most frequent class.",
    ),
    Rule(
        single_class,
        severity="warning",
        tasks=("multiclass",),
        message="All {samples} labels are of class {class}: how well the classes are told apart cannot be seen.",
        advice="Send rows of all classes, such as those of a longer time.",
    ),
    Rule(
        confused_classes,
        severity="info",
        tasks=("multiclass",),
        thresholds={"least_share": 0.1, "times": 2},
        message="The model takes classes for others: {pairs:<confused> of <samples> rows of class <class> are "
        "predicted as class <predicted>}.",
        advice="See whether these classes are labelled in the same way everywhere, and what would tell them apart.",
    ),
    Rule(
        unstable_macro,
        when=with_macro_averages,
        severity="info",
        tasks=("multiclass",),
        thresholds={"fewest": 10, "least_move": 0.01},
        message="Macro averages hang on single rows: one of class {class} more or less moves them by up to "
        "{moved:.2g}. Each of the {of} classes counts as much, however few its rows: here {effective_samples}.",
        advice="Read the intervals of macro averages, and the weighted ones beside them.",
    ),
    Rule(
        class_imbalance,
        severity="info",
        tasks=("multiclass",),
        thresholds={"least_ratio": 0.1},
        message="Only {share:.2%} of the rows are of class {class}: {samples}, beside {majority_samples} of class "
        "{majority}.",
        advice="Accuracy says little of rare classes: look at per_class and the macro averages.",
    ),
    Rule(
        micro_equals_accuracy,
        when=with_micro_averages,
        severity="info",
        tasks=("multiclass",),
        message="Micro averages of precision, recall and F-measure are the accuracy, {accuracy:.4g}, by definition: "
        "every row has one label and one prediction.",
        advice="Read the macro averages and per_class to see how each class is served.",
    ),
)

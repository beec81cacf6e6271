"""What openapi.yaml says of the requests of each task beyond their schemas: rules in words, and examples."""

from typing import Any

Json = dict[str, Any]

# What a schema cannot say of a request.
RULES = {
    "binary": "All columns have as many rows as `labels`. `labels`, `predictions` and `pos_label` are of one type and "
    "hold two classes at most. `scores` or `predictions` are required.",
    "multiclass": "All columns have as many rows as `labels`. `labels`, `predictions` and `classes` are of one type. "
    "`scores` or `predictions` are required.",
    "multilabel": "All columns have as many rows as `labels`. `labels` and `predictions` are both rows of 0 and 1 or "
    "both arrays of names, which need `classes` where `scores` have more columns than there are names. `scores` or "
    "`predictions` are required.",
    "regression": "All columns have as many rows as `labels`, and `predictions` as many outputs; with `quantiles`, as "
    "many columns as there are quantiles. `curves` and `quantiles` are for one output. `pinball_loss_at_...`, `crps` "
    "and `crossing_rate` are metrics of quantiles.",
    "ranking": "All columns have as many rows as `labels`. Rows of a query may stand anywhere, carry the same "
    "`sample_weight`, that of the query, and are of the same groups. `queries` are of one type, and `metrics` at a "
    "rank are at one of `k`.",
}

# What a schema cannot say of a comparison.
COMPARED = (
    "Candidates have fields of their own: of the same rows those of `scores`, `predictions` and `threshold` that the "
    "task has, and all else stands beside them; of rows of their own also `labels`, `sample_weight` and the like, and "
    "then no candidate lacks labels. `reference` is one of them, and `primary_metric` one of their metrics."
)

# Requests that openapi.yaml shows with their answers: summary and body.
EXAMPLES: dict[str, dict[str, tuple[str, Json]]] = {
    "binary": {
        "scores": (
            "Scores, of which 0.5 and more are predicted positive",
            {"labels": [0, 0, 1, 1, 0, 1, 1, 0], "scores": [0.1, 0.6, 0.35, 0.8, 0.2, 0.9, 0.7, 0.4]},
        ),
        "predictions": (
            "Predictions, and labels that do not say which class is positive",
            {
                "labels": ["ham", "spam", "spam", "ham"],
                "predictions": ["ham", "spam", "ham", "ham"],
                "pos_label": "spam",
                "metrics": ["precision", "recall", "f1"],
            },
        ),
        "undefined": (
            "Labels without a positive: what has no value is null and says why",
            {"labels": [0, 0, 0], "scores": [0.2, 0.7, 0.1], "metrics": ["accuracy", "recall", "roc_auc"]},
        ),
        "weights_and_curves": (
            "Weights of rows, curves, a requirement, and something to be echoed",
            {
                "labels": [True, False, True],
                "scores": [0.9, 0.3, 0.4],
                "sample_weight": [1, 2.5, 1],
                "metrics": ["accuracy"],
                "curves": True,
                "requirements": [{"metric": "accuracy", "min": 0.6, "decide_on": "interval"}],
                "metadata": {"model": "spam-7"},
            },
        ),
        "costs": (
            "A miss costs ten times as much as a false alarm, and no more than a fifth of the negatives may be called",
            {
                "labels": [0, 0, 1, 0, 0, 1, 0, 1, 0, 1],
                "scores": [0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.45, 0.6, 0.7, 0.9],
                "costs": {"false_positive": 1, "false_negative": 10},
                "target_precision": 0.75,
                "target_recall": 0.75,
                "max_fpr": 0.2,
                "metrics": ["precision", "recall", "roc_auc", "partial_roc_auc"],
            },
        ),
        "groups": (
            "Two regions, as counts of people by what they did and what was predicted: who is told apart worse?",
            {
                "labels": [1, 1, 0, 0, 1, 1, 0, 0],
                "predictions": [1, 0, 1, 0, 1, 0, 1, 0],
                "sample_weight": [80, 20, 15, 85, 45, 25, 10, 70],
                "weights_are": "counts",
                "groups": {"region": ["north", "north", "north", "north", "south", "south", "south", "south"]},
                "metrics": ["recall"],
                "requirements": [{"metric": "recall", "min": 0.6, "group": {"region": "south"}}],
            },
        ),
        "counts": (
            "A row for each score, with the number of cases as weight, and wider intervals",
            {
                "labels": [0, 0, 0, 1, 1, 1],
                "scores": [0.2, 0.5, 0.8, 0.2, 0.5, 0.8],
                "sample_weight": [61, 24, 4, 7, 13, 41],
                "weights_are": "counts",
                "confidence_level": 0.99,
                "metrics": ["recall", "f1", "roc_auc", "brier_score"],
            },
        ),
    },
    "multiclass": {
        "groups": (
            "The rows of two teams, each with its own metrics; they are too few to be compared",
            {
                "labels": ["cat", "dog", "dog", "cat", "dog"],
                "predictions": ["cat", "dog", "cat", "cat", "dog"],
                "groups": {"team": [1, 1, 1, 2, 2]},
                "metrics": ["accuracy"],
            },
        ),
        "scores": (
            "A probability for each class, in the order of classes",
            {
                "labels": ["sun", "rain", "snow", "rain"],
                "scores": [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.3, 0.6], [0.5, 0.4, 0.1]],
                "classes": ["sun", "rain", "snow"],
                "curves": True,
            },
        ),
        "predictions": (
            "Predictions; a declared class that never occurs counts in the averages",
            {
                "labels": [1, 2, 3, 3],
                "predictions": [1, 3, 3, 3],
                "classes": [1, 2, 3, 4],
                "sample_weight": [1, 2, 1, 0.5],
                "metrics": ["accuracy", "f1_macro", "cohen_kappa_quadratic", "balanced_accuracy"],
                "requirements": [{"metric": "f1_macro", "min": 0.4}],
                "metadata": {"model": "stars-3"},
            },
        ),
    },
    "multilabel": {
        "groups": (
            "The rows of two sources, each with its own metrics",
            {
                "labels": [[1, 0], [0, 1], [1, 1], [0, 1]],
                "predictions": [[1, 0], [1, 1], [1, 1], [0, 0]],
                "groups": {"source": ["radio", "radio", "press", "press"]},
                "metrics": ["hamming_loss"],
            },
        ),
        "scores": (
            "Rows of 0 and 1, scores of which 0.5 and more are predicted, curves and something to be echoed",
            {
                "labels": [[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 0, 0]],
                "scores": [[0.9, 0.2, 0.6], [0.1, 0.6, 0.8], [0.7, 0.4, 0.3], [0.2, 0.1, 0.5]],
                "classes": ["rain", "wind", "sun"],
                "curves": True,
                "requirements": [{"metric": "hamming_loss", "max": 0.1}],
                "metadata": {"model": "weather-3"},
            },
        ),
        "names": (
            "The names of the labels of each row, and of those that were predicted",
            {
                "labels": [["rain", "wind"], [], ["sun"]],
                "predictions": [["rain"], ["sun"], ["sun"]],
                "metrics": ["subset_accuracy", "hamming_loss", "f1_micro", "f1_samples"],
            },
        ),
    },
    "regression": {
        "groups": (
            "The rows of two seasons, each with its own metrics, as counts of equal rows",
            {
                "labels": [3, 4, 5, 3, 4, 5],
                "predictions": [3.5, 4, 4.5, 2, 4, 6],
                "sample_weight": [8, 20, 9, 7, 12, 5],
                "weights_are": "counts",
                "groups": {"summer": [True, True, True, False, False, False]},
                "metrics": ["mean_absolute_error", "r2"],
            },
        ),
        "one_output": (
            "One output, with curves and something to be echoed",
            {
                "labels": [3, -0.5, 2, 7],
                "predictions": [2.5, 0, 2, 8],
                "curves": True,
                "requirements": [{"metric": "r2", "min": 0.9}, {"metric": "mean_error", "min": -0.5, "max": 0.5}],
                "metadata": {"model": "price-2"},
            },
        ),
        "two_outputs": (
            "Two outputs, each with its own metrics",
            {
                "labels": [[0.5, 1], [-1, 2], [2, -6]],
                "predictions": [[0, 2], [-1, 2], [3, -5]],
                "metrics": ["mean_absolute_error", "r2"],
            },
        ),
        "quantiles": (
            "Three quantiles of each row: their losses, and what the interval between the outer two covers",
            {
                "labels": [3, -0.5, 2, 7],
                "predictions": [[1.5, 2.5, 4], [-1, 0, 1.5], [1, 2, 3.5], [5, 6, 6.5]],
                "quantiles": [0.1, 0.5, 0.9],
                "metrics": ["mean_absolute_error", "pinball_loss_at_0_9", "crps", "crossing_rate"],
            },
        ),
    },
    "ranking": {
        "groups": (
            "The queries of two markets, each with its own metrics: a query belongs to one of them with all its rows",
            {
                "labels": [3, 0, 1, 2, 0, 1],
                "scores": [0.9, 0.8, 0.4, 0.7, 0.2, 0.5],
                "queries": ["shoes", "hats", "shoes", "hats", "shoes", "hats"],
                "groups": {"market": ["de", "fr", "de", "fr", "de", "fr"]},
                "k": [3],
                "metrics": ["ndcg_at_3"],
            },
        ),
        "queries": (
            "Two queries, rows in any order; two documents of the first query are tied",
            {
                "labels": [3, 0, 1, 2, 0, 1, 0],
                "scores": [0.9, 0.8, 0.4, 0.7, 0.2, 0.4, 0.1],
                "queries": ["shoes", "hats", "shoes", "hats", "shoes", "shoes", "hats"],
                "k": [1, 3],
                "curves": True,
            },
        ),
        "per_query": (
            "The metrics of each query; one without a relevant document has none, and counts in no mean",
            {
                "labels": [1, 0, 0, 0],
                "scores": [0.2, 0.6, 0.5, 0.5],
                "queries": [7, 7, 9, 9],
                "k": [5],
                "metrics": ["ndcg_at_5", "mrr"],
                "per_query": True,
            },
        ),
        "weights": (
            "Weights of queries: every row carries that of its query",
            {
                "labels": [0.5, 0, 2, 1],
                "scores": [1.5, -0.5, 3, 7],
                "queries": [1, 1, 2, 2],
                "sample_weight": [3, 3, 1, 1],
                "metrics": ["ndcg_at_10", "precision_at_1", "map_at_5"],
                "requirements": [{"metric": "ndcg_at_10", "min": 0.7}],
                "metadata": {"model": "search-4"},
            },
        ),
    },
}

# Requests to compare, as well.
COMPARISONS: dict[str, dict[str, tuple[str, Json]]] = {
    "binary": {
        "paired": (
            "Two candidates on the same rows, a margin, and a difference that would matter",
            {
                "labels": [0, 0, 1, 1, 0, 1, 1, 0],
                "candidates": {
                    "champion": {"scores": [0.1, 0.6, 0.35, 0.8, 0.2, 0.9, 0.7, 0.4]},
                    "challenger": {"scores": [0.2, 0.5, 0.45, 0.9, 0.1, 0.8, 0.6, 0.3]},
                },
                "reference": "champion",
                "metrics": ["accuracy", "roc_auc", "log_loss"],
                "margin": 0.05,
                "min_difference": 0.02,
                "requirements": [{"metric": "roc_auc", "min_difference": 0}],
            },
        ),
        "unpaired": (
            "A model on the rows it was trained with, and on others",
            {
                "candidates": {
                    "train": {"labels": [0, 1, 1, 0, 1], "scores": [0.1, 0.9, 0.8, 0.2, 0.7]},
                    "test": {"labels": [1, 0, 0, 1], "scores": [0.6, 0.7, 0.2, 0.9]},
                },
                "reference": "train",
                "primary_metric": "brier_score",
                "metrics": ["brier_score", "recall"],
            },
        ),
    },
    "multiclass": {
        "paired": (
            "Two candidates on the same rows",
            {
                "labels": ["sun", "rain", "snow", "rain"],
                "candidates": {
                    "trees": {"predictions": ["sun", "rain", "snow", "sun"]},
                    "network": {"predictions": ["sun", "rain", "rain", "rain"]},
                },
                "reference": "trees",
                "metrics": ["accuracy", "f1_macro"],
            },
        ),
    },
    "multilabel": {
        "paired": (
            "Two candidates on the same rows",
            {
                "labels": [[1, 0, 1], [0, 0, 1], [1, 1, 0]],
                "candidates": {
                    "one": {"predictions": [[1, 0, 1], [0, 1, 1], [1, 0, 0]]},
                    "two": {"predictions": [[1, 1, 1], [0, 0, 1], [1, 1, 0]]},
                },
                "reference": "one",
                "primary_metric": "hamming_loss",
                "metrics": ["subset_accuracy", "hamming_loss", "f1_micro"],
            },
        ),
    },
    "regression": {
        "paired": (
            "Two candidates on the same rows, compared by another metric than the mean squared error",
            {
                "labels": [3, -0.5, 2, 7],
                "candidates": {
                    "linear": {"predictions": [2.5, 0, 2, 8]},
                    "forest": {"predictions": [3.5, -0.5, 1, 7.5]},
                },
                "reference": "linear",
                "primary_metric": "mean_absolute_error",
                "metrics": ["mean_absolute_error", "r2", "max_error"],
            },
        ),
    },
    "ranking": {
        "paired": (
            "Two candidates that rank the documents of the same queries",
            {
                "labels": [3, 0, 1, 2, 0, 1, 0],
                "queries": ["shoes", "hats", "shoes", "hats", "shoes", "shoes", "hats"],
                "candidates": {
                    "words": {"scores": [0.9, 0.8, 0.4, 0.7, 0.2, 0.4, 0.1]},
                    "vectors": {"scores": [0.8, 0.3, 0.6, 0.9, 0.2, 0.7, 0.1]},
                },
                "reference": "words",
                "k": [1, 3],
            },
        ),
    },
}

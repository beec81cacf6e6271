"""The comparisons: of models with themselves and each other, on the same rows and on others."""

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.findings_corpus import binary_laws, regression
from tests.findings_corpus.binary_laws import calibrated
from tests.findings_corpus.corpus import Array, Family, Payload, Rng, Truth, corruption, exact, one_of
from tests.findings_corpus.models import table

SIZES = (50, 100, 200, 500, 1000, 2000)
NAMES = (("train", "test"), ("Training", "validation"), ("champion", "challenger"))
VOTES = "votes, random forest"
TASKS = ("binary", "regression")
# What is compared, so that answers are made soon.
METRICS = {
    "binary": ["roc_auc", "accuracy", "log_loss"],
    "regression": ["mean_squared_error", "mean_absolute_error"],
}


def truth(**true: bool | None) -> Truth:
    """What is true of a comparison: nothing but what is said."""
    found = dict.fromkeys(("no_comparison", "no_significant_difference", "looks_paired", "overfit"), False)
    return {**found, **true}


def request(task: str, candidates: dict[str, dict[str, Any]], **common: Any) -> dict[str, Any]:
    first = next(iter(candidates))
    own = {"candidates": candidates, "reference": first, "metrics": METRICS[task], "intervals": True}
    return own | common


def side(task: str, rng: Rng, rows: int) -> dict[str, Any]:
    """Rows of one model, the same in every call."""
    if task == "regression":
        made = regression.drawn(rng, regression.law_of(regression.RIDGE), rows)
        return {"labels": made.request["labels"], "predictions": made.request["predictions"]}
    made = binary_laws.sample(rng, calibrated(VOTES), rows)
    return {"labels": made.labels.astype(np.int64), "scores": made.scores}


def same_law(task: str, rng: Rng, rows: int) -> Payload:
    """Two samples of one law, whatever their names: no true difference, found with the confidence level at most."""
    names = one_of(rng, NAMES)
    candidates = {name: side(task, rng, rows) for name in names}
    shape = {"names": " and ".join(names), "rows of both": "others"}
    return Payload(request(task, candidates), truth(no_significant_difference=None), shape)


def blurred(task: str, noise: float, rng: Rng, rows: int) -> dict[str, Any]:
    """Rows of a model, and what a worse one says of them."""
    made = side(task, rng, rows)
    if task == "regression":
        spread = noise * made["labels"].std()
        return {**made, "worse": made["predictions"] + spread * rng.standard_normal(rows)}
    odds = np.clip(made["scores"], 1e-3, 1 - 1e-3)
    odds = np.log(odds / (1 - odds)) + 3 * noise * rng.standard_normal(rows)
    return {**made, "worse": 1 / (1 + np.exp(-odds))}


def one_better(task: str, rng: Rng, rows: int) -> Payload:
    """Two models of the same rows, of which one is much better."""
    made = blurred(task, 1.5, rng, rows)
    column = "predictions" if task == "regression" else "scores"
    candidates = {"champion": {column: made[column]}, "challenger": {column: made["worse"]}}
    shape = {"names": "champion and challenger", "rows of both": "the same"}
    return Payload(request(task, candidates, labels=made["labels"]), truth(), shape)


def clean() -> Iterator[Family]:
    for task in TASKS:
        yield Family(task, "rows of one law", partial(same_law, task), SIZES, 40, verb="compare")
        yield Family(task, "one much better", partial(one_better, task), (500, 1000, 2000), 40, verb="compare")


@cache
def learnt(task: str, depth: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """What a tree of some depth, or a linear model where it is 0, says of the rows it learnt from, and of others."""
    if task == "regression":
        features, labels = datasets.load_diabetes(return_X_y=True)
        tree, linear = DecisionTreeRegressor(max_depth=depth or None, random_state=0), Ridge()
    else:
        data = table("fair")
        features = np.column_stack([data[name] for name in data if name != "affairs"])
        labels = (data["affairs"] > 0).astype(np.int64)
        tree, linear = DecisionTreeClassifier(max_depth=depth or None, random_state=0), LogisticRegression()
    model = make_pipeline(StandardScaler(), tree if depth else linear)
    order = np.random.default_rng(0).permutation(len(labels))
    halves = np.array_split(order[: 2 * MOST_LEARNT], 2)
    model.fit(features[halves[0]], labels[halves[0]])

    def of(rows: Array) -> dict[str, Array]:
        if task == "regression":
            return {"labels": labels[rows], "predictions": model.predict(features[rows])}
        return {"labels": labels[rows], "scores": model.predict_proba(features[rows])[:, 1]}

    return of(halves[0]), of(halves[1])


# A model that learns from few rows of many overfits them well.
MOST_LEARNT = 1000


def overfit(task: str, depth: int, rng: Rng, rows: int) -> Payload:
    """Rows that a tree has learnt from, and others."""
    names = one_of(rng, NAMES[:2])
    candidates = {}
    for name, columns in zip(names, learnt(task, depth), strict=True):
        chosen = rng.integers(len(columns["labels"]), size=rows)
        candidates[name] = {field: column[chosen] for field, column in columns.items()}
    candidates = dict(reversed(candidates.items())) if rng.random() < 0.5 else candidates
    # A tree may know its rows by heart, of which there is no interval then.
    by_heart = None if task == "regression" and depth > 8 else False
    found = truth(overfit=True, no_significant_difference=None, no_comparison=by_heart)
    return Payload(request(task, candidates), found)


def undecided(task: str, noise: float, rng: Rng, rows: int) -> Payload:
    """A model and one that is alike, on the same rows: as many of 200 comparisons as err tell one from the other."""
    made = side(task, rng, rows)
    column = "predictions" if task == "regression" else "scores"
    scale = made["labels"].std() if task == "regression" else 0.2
    one, other = (made[column] + noise * scale * rng.standard_normal(rows) for _ in range(2))
    candidates = {"champion": {column: one}, "challenger": {column: other}}
    asked = request(task, candidates, labels=made["labels"], confidence_level=0.99)
    if task == "binary":
        asked["metrics"] = ["roc_auc"]
    return Payload(asked, truth(no_significant_difference=True))


def same_rows(task: str, rng: Rng, rows: int) -> Payload:
    """Two models of the same rows, each with the labels of its own."""
    made = blurred(task, 1.0, rng, rows)
    column = "predictions" if task == "regression" else "scores"
    candidates = {
        "champion": {"labels": made["labels"], column: made[column]},
        "challenger": {"labels": made["labels"], column: made["worse"]},
    }
    return Payload(request(task, candidates), truth(looks_paired=True, no_significant_difference=None))


def no_value(rng: Rng, rows: int) -> Payload:
    """Rows of one class, of which no AUC can be said."""
    made = side("binary", rng, rows)
    scores = {"champion": {"scores": made["scores"]}, "challenger": {"scores": 1 - made["scores"]}}
    asked = request("binary", scores, labels=np.ones(rows, dtype=np.int64), primary_metric="roc_auc")
    return Payload(asked, truth(no_comparison=True))


def no_spread(rng: Rng, rows: int) -> Payload:
    """Labels that are all alike, of which no R2 can be said."""
    made = side("regression", rng, rows)
    predictions = {"champion": {"predictions": made["labels"]}, "challenger": {"predictions": made["predictions"]}}
    asked = request("regression", predictions, labels=np.full(rows, 7.0), primary_metric="r2")
    return Payload({**asked, "metrics": ["r2"]}, truth(no_comparison=True))


def corrupted() -> Iterator[Family]:
    for task in TASKS:
        corrupt, exactly = partial(corruption, task, verb="compare"), partial(exact, task, verb="compare")
        depths = {"binary": {8: 1000, 12: 300, 20: 300}, "regression": {5: 300, 8: 200, 15: 300}}[task]
        yield from corrupt(
            "overfit",
            *((f"a tree of depth {depth}", least, partial(overfit, task, depth)) for depth, least in depths.items()),
        )
        noises = (0.05, 0.2, 0.5)
        yield from corrupt(
            "no_significant_difference",
            *((f"noise of {noise} standard deviations", 50, partial(undecided, task, noise)) for noise in noises),
            sizes=(50, 500),
            times=40,
        )
        yield from exactly("looks_paired", partial(same_rows, task))
        yield from exactly("no_comparison", no_value if task == "binary" else no_spread)


FAMILIES: tuple[Family, ...] = (*clean(), *corrupted())

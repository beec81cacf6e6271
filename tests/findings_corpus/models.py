"""The models of the corpus: what they say of rows of real data sets that they have not learnt from.

Every data set comes with scikit-learn or statsmodels, and is read from there.
"""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

Floats = np.ndarray[Any, np.dtype[np.float64]]


class Model(NamedTuple):
    """Labels of rows, and what a model said of each that had learnt from others: scores, or numbers in a regression."""

    labels: np.ndarray[Any, Any]
    said: Floats


def table(name: str) -> dict[str, Floats]:
    """A data set of statsmodels: its columns by name."""
    text = (files("statsmodels.datasets") / name / f"{name}.csv").read_text()
    separator = next(mark for mark in "\t;," if mark in text.partition("\n")[0])
    head, *rows = text.splitlines()
    cells = np.array([row.split(separator) for row in rows if row.strip()])
    return {
        title.strip("\"'"): column.astype(float) for title, column in zip(head.split(separator), cells.T, strict=True)
    }


def columns(data: dict[str, Floats], *but: str) -> Floats:
    """All columns but those named."""
    return np.column_stack([data[name] for name in data if name not in but])


def said_of(estimator: Any, features: Floats, labels: np.ndarray[Any, Any], method: str) -> Any:
    """What the estimator says of each row, having learnt from the others; five folds."""
    return cross_val_predict(make_pipeline(StandardScaler(), estimator), features, labels, method=method)


def classified(features: Floats, labels: np.ndarray[Any, Any], estimator: Any) -> Model:
    """Probabilities of the classes 0, 1, ...; in a binary task that of 1."""
    said = np.asarray(said_of(estimator, features, labels, "predict_proba"))
    said = said / said.sum(axis=1, keepdims=True)
    return Model(labels, said[:, 1] if said.shape[1] == 2 else said)


def visits() -> tuple[Floats, Floats]:
    """How often people saw a doctor in a year, and what is known of their health and insurance."""
    data = table("randhie")
    return columns(data, "mdvis"), data["mdvis"]


def of_cancer(estimator: Any) -> Model:
    return classified(*datasets.load_breast_cancer(return_X_y=True), estimator)


def of_affairs() -> Model:
    data = table("fair")
    return classified(columns(data, "affairs"), (data["affairs"] > 0).astype(int), LogisticRegression())


def of_votes() -> Model:
    data = table("anes96")
    forest = RandomForestClassifier(50, min_samples_leaf=5, random_state=0)
    return classified(columns(data, "vote"), data["vote"].astype(int), forest)


def of_visits(more_than: int, estimator: Any) -> Model:
    features, number = visits()
    return classified(features, (number > more_than).astype(int), estimator)


def of_eights() -> Model:
    features, digits = datasets.load_digits(return_X_y=True)
    return classified(features, (digits == 8).astype(int), DecisionTreeClassifier(min_samples_leaf=8, random_state=0))


def of_progression() -> Model:
    features, target = datasets.load_diabetes(return_X_y=True)
    boosted = GradientBoostingClassifier(n_estimators=40, max_depth=2, random_state=0)
    return classified(features, (target > 140).astype(int), boosted)


def of_parties() -> Model:
    """Which of three camps people are near: a model that is often wrong."""
    data = table("anes96")
    camp = np.digitize(data["PID"], [2, 5])
    return classified(columns(data, "PID", "vote"), camp, LogisticRegression())


def of_modes() -> Model:
    """By what of plane, train, bus and car people travelled."""
    data = table("modechoice")
    people = [columns(data, "individual", "mode", "choice", "hinc", "psize").reshape(210, -1)]
    features = np.column_stack([*people, data["hinc"][::4], data["psize"][::4]])
    return classified(features, data["choice"].reshape(210, 4).argmax(axis=1), LogisticRegression())


def of_visit_classes() -> Model:
    """None, a few, some or many visits to a doctor."""
    features, number = visits()
    return classified(features, np.digitize(number, [1, 3, 7]), LogisticRegression())


BINARY: dict[str, Callable[[], Model]] = {
    "tumours, logistic regression": lambda: of_cancer(LogisticRegression()),
    "tumours, naive Bayes": lambda: of_cancer(GaussianNB()),
    "affairs, logistic regression": of_affairs,
    "votes, random forest": of_votes,
    "doctor visits, logistic regression": lambda: of_visits(4, LogisticRegression()),
    "eights, decision tree": of_eights,
    "progression, gradient boosting": of_progression,
}

MULTICLASS: dict[str, Callable[[], Model]] = {
    "iris, logistic regression": lambda: classified(*datasets.load_iris(return_X_y=True), LogisticRegression()),
    "wine, naive Bayes": lambda: classified(*datasets.load_wine(return_X_y=True), GaussianNB()),
    "digits, logistic regression": lambda: classified(
        PCA(16, random_state=0).fit_transform(datasets.load_digits().data),
        datasets.load_digits().target,
        LogisticRegression(C=0.1),
    ),
    "digits, 15 neighbours": lambda: classified(*datasets.load_digits(return_X_y=True), KNeighborsClassifier(15)),
    "camps, logistic regression": of_parties,
    "travel, logistic regression": of_modes,
    "doctor visits, logistic regression": of_visit_classes,
}


def of_digit_traits() -> Model:
    """Whether a digit is even, large, prime, and has a loop."""
    features, digits = datasets.load_digits(return_X_y=True)
    traits = [digits % 2 == 0, digits >= 5, np.isin(digits, [2, 3, 5, 7]), np.isin(digits, [0, 6, 8, 9])]
    return labelled(features, np.column_stack(traits))


def of_ailments() -> Model:
    """Whether people have a limitation, many diseases, and many visits to a doctor."""
    data = table("randhie")
    ailments = [data["physlm"] > 0.5, data["disea"] > 12, data["mdvis"] > 4]
    return labelled(columns(data, "physlm", "disea", "mdvis"), np.column_stack(ailments))


def of_opinions() -> Model:
    """Whether people vote for Dole, watch much television news, are conservative, and studied."""
    data = table("anes96")
    opinions = [data["vote"] > 0, data["TVnews"] > 3, data["selfLR"] > 4, data["educ"] > 4]
    return labelled(columns(data, "vote", "TVnews", "selfLR", "educ"), np.column_stack(opinions))


def labelled(features: Floats, labels: np.ndarray[Any, Any]) -> Model:
    """Probabilities of each label."""
    said = said_of(MultiOutputClassifier(LogisticRegression()), features, labels, "predict_proba")
    return Model(labels, np.column_stack([pair[:, 1] for pair in said]))


MULTILABEL: dict[str, Callable[[], Model]] = {
    "traits of digits, logistic regressions": of_digit_traits,
    "ailments, logistic regressions": of_ailments,
    "opinions, logistic regressions": of_opinions,
}


def predicted(features: Floats, target: Floats, estimator: Any) -> Model:
    return Model(target, said_of(estimator, features, target, "predict"))


def of_column(data: Floats, place: int, estimator: Any) -> Model:
    """One column, predicted from the others."""
    return predicted(np.delete(data, place, axis=1), data[:, place], estimator)


def of_spending() -> Model:
    data = table("engel")
    return predicted(np.log(data["income"])[:, None], np.log(data["foodexp"]), LinearRegression())


REGRESSION: dict[str, Callable[[], Model]] = {
    "progression, ridge": lambda: predicted(*datasets.load_diabetes(return_X_y=True), Ridge()),
    "progression, random forest": lambda: predicted(
        *datasets.load_diabetes(return_X_y=True), RandomForestRegressor(30, min_samples_leaf=5, random_state=0)
    ),
    "petals, linear regression": lambda: of_column(datasets.load_iris().data, 3, LinearRegression()),
    "alcohol, ridge": lambda: of_column(datasets.load_wine().data, 0, Ridge()),
    "tumour smoothness, ridge": lambda: of_column(datasets.load_breast_cancer().data[:, :10], 4, Ridge()),
    "food, linear regression": of_spending,
    "doctor visits, Poisson regression": lambda: predicted(*visits(), PoissonRegressor(alpha=1e-3)),
}


class Queries(NamedTuple):
    """Queries with as many documents each: their relevances, and how a model scored them."""

    relevance: Floats
    scores: Floats


def of_similar_digits(features: Floats, digits: np.ndarray[Any, Any]) -> Queries:
    """Which of 12 images show the digit of another one, or one that looks alike; scored by their cosine."""
    rng = np.random.default_rng(0)
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    asked = rng.permutation(len(unit))[:600]
    found = np.stack([rng.choice(len(unit), 12, replace=False) for _ in asked])
    alike = np.array([{3: 9, 9: 3, 1: 7, 7: 1, 8: 5, 5: 8}.get(digit, -1) for digit in range(10)])
    grades = 2.0 * (digits[found] == digits[asked, None]) + (digits[found] == alike[digits[asked]][:, None])
    scores = np.einsum("qf,qdf->qd", unit[asked], unit[found])
    kept = grades.any(axis=1)
    return Queries(grades[kept], scores[kept])


def of_chosen_modes() -> Queries:
    """Which of four modes of travel each person chose, scored by a logistic regression on what each costs and takes."""
    data = table("modechoice")
    model = classified(columns(data, "individual", "mode", "choice"), data["choice"].astype(int), LogisticRegression())
    return Queries(data["choice"].reshape(210, 4), model.said.reshape(210, 4))


RANKING: dict[str, Callable[[], Queries]] = {
    "digits alike, cosine": lambda: of_similar_digits(*datasets.load_digits(return_X_y=True)),
    "travel, logistic regression": of_chosen_modes,
}


@cache
def model(task: str, name: str) -> Any:
    """A model of a task, made once a process."""
    return MODELS[task][name]()


MODELS: dict[str, dict[str, Callable[[], Any]]] = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "multilabel": MULTILABEL,
    "regression": REGRESSION,
    "ranking": RANKING,
}

"""Make the example files beside this script: what simple models say of rows they have not seen.

Run it with `python tests/data/make_examples.py`; README.md names the data sets.
"""

import json
from pathlib import Path
from typing import Any

from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def breast_cancer() -> dict[str, list[Any]]:
    """Logistic regression: 1 is benign, as in the data set; a score is the probability of 1."""
    rows, labels = load_breast_cancer(return_X_y=True)
    train, held_out, train_labels, truth = train_test_split(
        rows, labels, test_size=0.4, random_state=0, stratify=labels
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, train_labels)
    return {"labels": truth.tolist(), "scores": model.predict_proba(held_out)[:, 1].round(4).tolist()}


def breast_cancer_candidates() -> dict[str, Any]:
    """The same rows as judged by the logistic regression and by naive Bayes."""
    rows, labels = load_breast_cancer(return_X_y=True)
    train, held_out, train_labels, _ = train_test_split(rows, labels, test_size=0.4, random_state=0, stratify=labels)
    bayes = make_pipeline(StandardScaler(), GaussianNB()).fit(train, train_labels)
    champion = breast_cancer()
    challenger = bayes.predict_proba(held_out)[:, 1].round(4).tolist()
    return {
        "labels": champion["labels"],
        "candidates": {"logistic": {"scores": champion["scores"]}, "bayes": {"scores": challenger}},
        "reference": "logistic",
    }


def iris() -> dict[str, list[Any]]:
    """Logistic regression on the sepals alone, which tell two of the three species badly."""
    data = load_iris()
    names = data.target_names.tolist()
    train, held_out, train_labels, truth = train_test_split(
        data.data[:, :2], data.target, test_size=0.4, random_state=0, stratify=data.target
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train, train_labels)
    scores = model.predict_proba(held_out).round(4)
    scores[:, -1] = (1 - scores[:, :-1].sum(axis=1)).round(4)  # so that rounded rows add up to 1
    return {"labels": [names[label] for label in truth], "scores": scores.tolist(), "classes": names}


def diabetes() -> dict[str, list[Any]]:
    """Ridge regression of the progression of the disease one year after the measurements."""
    rows, labels = load_diabetes(return_X_y=True)
    train, held_out, train_labels, truth = train_test_split(rows, labels, test_size=0.4, random_state=0)
    model = Ridge(alpha=0.1).fit(train, train_labels)
    return {"labels": truth.tolist(), "predictions": model.predict(held_out).round(2).tolist()}


EXAMPLES = {
    "breast_cancer.json": breast_cancer,
    "breast_cancer_candidates.json": breast_cancer_candidates,
    "diabetes.json": diabetes,
    "iris.json": iris,
}


def text(example: dict[str, Any]) -> str:
    """The example as JSON, one line a field."""
    lines = (f"{json.dumps(name)}: {json.dumps(column, separators=(',', ':'))}" for name, column in example.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    for name, example in EXAMPLES.items():
        (Path(__file__).parent / name).write_text(text(example()), encoding="utf-8")

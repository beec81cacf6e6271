"""Services as one would write them: a bare Flask route, Flask with marshmallow, and FastAPI with pydantic.

The last two check every number, then compute the report's own list of metrics by scikit-learn.
"""

from typing import Any

import numpy as np
from flask import Flask, request
from marshmallow import EXCLUDE, Schema, fields

from tests.benchmarks.peers import computed

# What the columns of a request hold.
COLUMNS: dict[str, dict[str, Any]] = {
    "binary": {"labels": int, "scores": float},
    "multiclass": {"labels": int, "scores": list[float]},
    "regression": {"labels": float, "predictions": float},
    "ranking": {"labels": int, "scores": float, "queries": int},
}


def answer(task: str, columns: dict[str, Any]) -> dict[str, Any]:
    """A report of columns that are lists."""
    (metrics,) = computed(task, {name: np.array(column) for name, column in columns.items()})
    return {"task": task, "metrics": metrics}


def with_probe() -> Flask:
    app = Flask(__name__)

    @app.get("/readyz")
    def ready() -> dict[str, Any]:
        return {"status": "ok"}

    return app


def bare() -> Flask:
    """The least a service can do: it parses a body and says how many labels it holds."""
    app = with_probe()

    @app.post("/v1/<_>/report")
    def parse(_: str) -> dict[str, Any]:
        return {"samples": len(request.get_json()["labels"])}

    return app


def flask_marshmallow() -> Flask:
    app = with_probe()
    made = {int: fields.Integer, float: fields.Float, list[float]: lambda: fields.List(fields.Float())}
    schemas = {
        task: Schema.from_dict({name: fields.List(made[kind](), required=True) for name, kind in columns.items()})()
        for task, columns in COLUMNS.items()
    }

    @app.post("/v1/<task>/report")
    def report(task: str) -> dict[str, Any]:
        return answer(task, schemas[task].load(request.get_json(), unknown=EXCLUDE))

    return app


def fastapi_pydantic() -> Any:
    """Needs the extra `bench`."""
    from fastapi import FastAPI  # noqa: PLC0415  # where it is installed
    from pydantic import create_model  # noqa: PLC0415  # comes with it

    app = FastAPI()

    def add(task: str, columns: dict[str, Any]) -> None:
        model: Any = create_model(task, **{name: (list[kind], ...) for name, kind in columns.items()})

        def report(body: model) -> dict[str, Any]:
            return answer(task, {name: getattr(body, name) for name in columns})

        app.post(f"/v1/{task}/report")(report)

    for task, columns in COLUMNS.items():
        add(task, columns)

    @app.get("/readyz")
    def ready() -> dict[str, Any]:
        return {"status": "ok"}

    return app

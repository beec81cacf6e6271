"""The least a service can do: a Flask route that parses a JSON body and says how many labels it holds."""

from typing import Any

from flask import Flask, request


def create_app() -> Flask:
    app = Flask(__name__)

    @app.post("/v1/binary/report")
    def parse() -> dict[str, Any]:
        return {"samples": len(request.get_json()["labels"])}

    @app.get("/readyz")
    def ready() -> dict[str, Any]:
        return {"status": "ok"}

    return app

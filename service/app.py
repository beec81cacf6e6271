"""The application factory that gunicorn runs."""

import os
import re
import uuid

from flask import Flask, Response, g, request

from service import api, health, problems, telemetry
from service.settings import Settings

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def create_app(settings: Settings | None = None) -> Flask:
    """The service as a WSGI application, with the settings of the environment unless others are given."""
    app = Flask(__name__, static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would lead where the client says
    app.url_map.strict_slashes = True

    @app.before_request
    def identify() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    @app.after_request
    def name(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        return response

    problems.register(app)
    telemetry.register(app)
    health.register(app)
    api.register(app, settings or Settings.from_environment(os.environ))
    return app

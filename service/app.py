"""The application factory that gunicorn runs."""

import os
import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, g, request

from service import api, health, problems, telemetry
from service.body import LEAVING
from service.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

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

    settings = settings or Settings.from_environment(os.environ)
    problems.register(app)
    telemetry.register(app)
    settings.access.register(app)
    health.register(app)
    api.register(app, settings)
    app.wsgi_app = answering(app.wsgi_app, settings.send_seconds)  # type: ignore[method-assign,assignment]  # the way that Flask documents
    return app


def answering(application: "WSGIApplication", send_seconds: float) -> "WSGIApplication":
    """Bound the time in which an answer leaves, and close the connection after one that asks for it.

    gunicorn drops that header and knows its own way.
    """

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *failure: Any) -> Callable[[bytes], object]:
            if "gunicorn.socket" in environ:
                LEAVING[environ["gunicorn.socket"]] = time.monotonic() + send_seconds
            if ("Connection", "close") in headers and hasattr(start_response, "__self__"):
                start_response.__self__.force_close()
            return start_response(status, headers, *failure)

        return application(environ, start)

    return answer

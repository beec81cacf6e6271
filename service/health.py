"""Probes for orchestrators. They do not compute, so they answer while a report is being computed."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the probes: /livez says that the process answers, /readyz and its alias /healthz that it takes requests."""
    for name in ("livez", "readyz", "healthz"):
        app.add_url_rule(f"/{name}", name, lambda: {"status": "ok"}, provide_automatic_options=False)

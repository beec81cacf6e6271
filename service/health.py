"""Probes for orchestrators. They do not compute, so they answer while a report is being computed."""

from threading import Event

from flask import Flask

from service.problems import Problem

# Set where the worker finishes what it has begun and takes no more.
DRAINING = Event()


def register(app: Flask) -> None:
    """Add the probes: /livez says that the process answers, /readyz and its alias /healthz that it takes requests."""
    for name, view in {"livez": alive, "readyz": ready, "healthz": ready}.items():
        app.add_url_rule(f"/{name}", name, view, provide_automatic_options=False)


def alive() -> dict[str, str]:
    """That the process answers."""
    return {"status": "ok"}


def ready() -> dict[str, str]:
    """That it takes requests. Raises `Problem` where it is about to stop."""
    if DRAINING.is_set():
        raise Problem("stopping", "It finishes what it has begun, and takes no more.", headers={"Retry-After": "1"})
    return {"status": "ok"}

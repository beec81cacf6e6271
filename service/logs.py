"""How lines are logged: one JSON object each, with control characters escaped."""

import logging
import traceback
from typing import Any

import structlog

# What gunicorn says of a request that it could not read quotes it.
QUOTES = ("Invalid request from ip=", "Error handling request ")


def without_quotes(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Cut what quotes a request: it may hold what nobody should read."""
    for start in QUOTES:
        if str(event["event"]).startswith(start):
            event["event"] = start.partition(" from ")[0].strip()
    return event


def where_it_failed(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception as its type and the lines it went through; what it says may quote a request."""
    failure = event.pop("exc_info", None)
    if failure:
        kind, _, frames = failure
        event["exception"] = kind.__name__
        event["traceback"] = [f"{at.filename}:{at.lineno} {at.name}" for at in traceback.extract_tb(frames)]
    return event


def configuration(level: str) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes, with the least severe level that is logged."""
    every = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": every,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            without_quotes,
            where_it_failed,
            structlog.processors.JSONRenderer(),
        ],
    }
    # What gunicorn says in detail quotes requests.
    server = max(level.upper(), "INFO", key=logging.getLevelNamesMapping().__getitem__)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {"gunicorn.error": {"level": server, "handlers": [], "propagate": True}},
    }

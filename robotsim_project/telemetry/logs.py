"""Logging of all processes: JSON, one object per line, on standard error.

It covers this project, libraries, gunicorn and uvicorn. The module imports no app and reads no setting, so
that servers can use it before Django is set up: gunicorn as its `logconfig_dict`.
"""

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from robotsim_project.telemetry.masking import mask_nested

Event = MutableMapping[str, Any]
_trace: Callable[[], dict[str, str]] | None = None


def trace_with(ids: Callable[[], dict[str, str]] | None) -> None:
    """Set the function that returns the ids of the current trace; None: tracing is off."""
    global _trace  # noqa: PLW0603  set once per process
    _trace = ids


def add_trace(_logger: Any, _method: str, event: Event) -> Event:
    """Add `trace_id` and `span_id` within a trace."""
    if _trace is not None:
        event.update(_trace())
    return event


def resolve_error(_logger: Any, _method: str, event: Event) -> Event:
    """Replace `exc_info=True` by the current exception, as the line may be formatted later."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event


def mask(_logger: Any, _method: str, event: Event) -> Event:
    """Mask secrets; the last step, so that tracebacks are masked as well."""
    clean: Event = mask_nested(dict(event))
    return clean


def drop_noise(_logger: Any, _method: str, event: Event) -> Event:
    """Remove uvicorn's copy of the message with colour codes."""
    event.pop("color_message", None)
    return event


def configure() -> None:
    """Configure structlog to pass its events to the standard library's loggers."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            add_trace,
            resolve_error,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def config(level: str = "INFO", requests: str = "WARNING") -> dict[str, Any]:
    """Return the logging configuration of a process, for `logging.config.dictConfig`.

    Args:
        level: Log level of everything.
        requests: Log level of the request log, one line per request.
    """
    console = {"handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": _json()},
        "filters": {"masking": {"()": "robotsim_project.telemetry.masking.MaskingFilter"}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "filters": ["masking"],
            }
        },
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django_structlog": {"level": requests},
            "django_tasks": {"level": "WARNING"},
            # A line for each request to the cluster's API.
            "httpx2": {"level": "WARNING"},
            # An error with a traceback for what any stranger may send; `views.bad_request` has a line for it.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            # Both servers have their own handlers, which do not write JSON.
            "gunicorn.error": {**console, "level": level},
            "gunicorn.access": {**console, "level": requests},
            "uvicorn": {**console, "level": level},
            "uvicorn.error": {"handlers": [], "propagate": True, "level": level},
            "uvicorn.access": {**console, "level": requests},
        },
    }


def _json() -> dict[str, Any]:
    return {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            drop_noise,
            mask,
            structlog.processors.JSONRenderer(default=str),
        ],
        "foreign_pre_chain": [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            add_trace,
        ],
    }

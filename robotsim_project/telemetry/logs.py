"""How everything of ours logs: JSON, one object a line, on standard error.

The same for our own words, for those of libraries, and for those of gunicorn and uvicorn. Imports no app and
reads no setting, so that a server may use it before Django is there: gunicorn as its `logconfig_dict`.
"""

import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from robotsim_project.telemetry.masking import deeply_masked

Event = MutableMapping[str, Any]
_trace: Callable[[], dict[str, str]] | None = None


def trace_with(ids: Callable[[], dict[str, str]] | None) -> None:
    """Let each line name the trace that it belongs to; None: there are no traces."""
    global _trace  # noqa: PLW0603  one process has one
    _trace = ids


def add_trace(_logger: Any, _method: str, event: Event) -> Event:
    """Add `trace_id` and `span_id` while a trace goes on."""
    if _trace is not None:
        event.update(_trace())
    return event


def resolve_error(_logger: Any, _method: str, event: Event) -> Event:
    """Turn `exc_info=True` into the error at hand: the line may be written when that is over."""
    if event.get("exc_info") is True:
        event["exc_info"] = sys.exc_info()
    return event


def mask(_logger: Any, _method: str, event: Event) -> Event:
    """Hide secrets; the last step, so that tracebacks are looked through as well."""
    clean: Event = deeply_masked(dict(event))
    return clean


def drop_noise(_logger: Any, _method: str, event: Event) -> Event:
    """Leave out what says the same again with colours."""
    event.pop("color_message", None)
    return event


def configure() -> None:
    """Have our own loggers hand their events on to those of the standard library."""
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
    """The logging of a process, for `logging.config.dictConfig`.

    `level` is that of everything, `requests` that of one line per request.
    """
    ours = {"handlers": ["console"], "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": _json()},
        "filters": {"masking": {"()": "robotsim_project.telemetry.masking.Masking"}},
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
            # Both servers bring handlers of their own, which do not write JSON.
            "gunicorn.error": {**ours, "level": level},
            "gunicorn.access": {**ours, "level": requests},
            "uvicorn": {**ours, "level": level},
            "uvicorn.error": {"handlers": [], "propagate": True, "level": level},
            "uvicorn.access": {**ours, "level": requests},
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

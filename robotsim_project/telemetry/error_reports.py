"""Error reports to Sentry, without personal data and secrets."""

import logging
import sys
from typing import TYPE_CHECKING, Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.utils import event_from_exception

from robotsim_project.telemetry.masking import mask, mask_nested

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

PERSONAL = ("cookies", "data", "env")
"""Parts of a request that may contain personal data."""


def start(process: str) -> None:
    """Report logged errors and uncaught exceptions."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.VERSION,
        environment=settings.ENVIRONMENT,
        server_name=f"robotsim-{process}",
        send_default_pii=False,
        include_local_variables=False,  # they include tokens and passwords
        max_request_body_size="never",
        traces_sample_rate=None,  # OpenTelemetry does the tracing
        integrations=[LoggingIntegration(level=logging.INFO, event_level=logging.ERROR)],
        before_send=mask_event,
        before_breadcrumb=mask_breadcrumb,
    )
    ignore_logger("django_structlog.middlewares.request")  # Django logs the same error
    sentry_sdk.set_tag("process", process)


def mask_event(event: "Event", hint: "Hint") -> "Event":
    """Complete an event, and remove secrets and personal data."""
    record = hint.get("log_record")
    if record is not None and isinstance(record.msg, dict):
        _unfold(event, record.msg)
    request: dict[str, Any] = event.get("request", {})
    for part in PERSONAL:
        request.pop(part, None)
    event.pop("user", None)
    clean: Event = mask_nested(event)
    return clean


def mask_breadcrumb(crumb: "Breadcrumb", _hint: "BreadcrumbHint") -> "Breadcrumb":
    """Remove secrets from a breadcrumb."""
    clean: Breadcrumb = mask_nested(crumb)
    return clean


def _unfold(event: "Event", line: dict[str, Any]) -> None:
    """Set message, exception and extra values from a structured log line, as the library does from text."""
    event["logentry"] = {"message": mask(str(line.get("event", ""))), "params": []}
    extra = {key: str(value) for key, value in line.items() if key not in {"event", "exc_info"}}
    event.setdefault("extra", {}).update(extra)
    error = line.get("exc_info")
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if error and error[0] is not None:
        options = sentry_sdk.get_client().options
        event["exception"] = event_from_exception(error, client_options=options)[0]["exception"]

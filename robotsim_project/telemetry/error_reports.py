"""Error reports to Sentry: what broke and where, nothing about people, no secrets."""

import logging
import sys
from typing import TYPE_CHECKING, Any

import sentry_sdk
from django.conf import settings
from sentry_sdk.integrations.logging import LoggingIntegration, ignore_logger
from sentry_sdk.utils import event_from_exception

from robotsim_project.telemetry.masking import deeply_masked, masked

if TYPE_CHECKING:
    from sentry_sdk.types import Breadcrumb, BreadcrumbHint, Event, Hint

PERSONAL = ("cookies", "data", "env")
"""Parts of a request that may hold something about people."""


def start(process: str) -> None:
    """Report what is logged as an error, and what nobody caught."""
    sentry_sdk.init(
        dsn=settings.SENTRY_DSN,
        release=settings.VERSION,
        environment=settings.ENVIRONMENT,
        server_name=f"robotsim-{process}",
        send_default_pii=False,
        include_local_variables=False,  # tokens and passwords are among them
        max_request_body_size="never",
        traces_sample_rate=None,  # traces go by OpenTelemetry
        integrations=[LoggingIntegration(level=logging.INFO, event_level=logging.ERROR)],
        before_send=cleaned,
        before_breadcrumb=cleaned_crumb,
    )
    ignore_logger("django_structlog.middlewares.request")  # Django tells the same error itself
    sentry_sdk.set_tag("process", process)


def cleaned(event: "Event", hint: "Hint") -> "Event":
    """The event in plain words, without secrets and people."""
    record = hint.get("log_record")
    if record is not None and isinstance(record.msg, dict):
        _told(event, record.msg)
    request: dict[str, Any] = event.get("request", {})
    for part in PERSONAL:
        request.pop(part, None)
    event.pop("user", None)
    clean: Event = deeply_masked(event)
    return clean


def cleaned_crumb(crumb: "Breadcrumb", _hint: "BreadcrumbHint") -> "Breadcrumb":
    """What happened before, without secrets."""
    clean: Breadcrumb = deeply_masked(crumb)
    return clean


def _told(event: "Event", said: dict[str, Any]) -> None:
    """Make of a structured line what the library makes of a plain one: its words, its error, its facts."""
    words = masked(str(said.get("event", "")))
    event["logentry"] = {"message": words, "params": []}
    facts = {key: str(value) for key, value in said.items() if key not in {"event", "exc_info"}}
    event.setdefault("extra", {}).update(facts)
    error = said.get("exc_info")
    if error is True:
        error = sys.exc_info()
    if isinstance(error, BaseException):
        error = (type(error), error, error.__traceback__)
    if error and error[0] is not None:
        options = sentry_sdk.get_client().options
        event["exception"] = event_from_exception(error, client_options=options)[0]["exception"]

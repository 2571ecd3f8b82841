"""Exceptions that mean a dependency is unavailable: worth a retry, and not a bug."""

from dataclasses import replace
from http import HTTPStatus

import structlog
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from common.exceptions import DomainError
from common.problems import Problem

RETRY_AFTER_SECONDS = 5
log = structlog.get_logger(__name__)


def is_outage(error: BaseException | None) -> bool:
    """Tell whether an exception means that a dependency is unavailable."""
    if isinstance(error, DomainError):
        return error.status == HTTPStatus.SERVICE_UNAVAILABLE
    return isinstance(error, (OperationalError, InterfaceError))


def problem_for(error: BaseException) -> Problem | None:
    """Log the outage behind an exception and describe it; None when it is no outage."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return database_problem(error)
    if not isinstance(error, DomainError) or not is_outage(error):
        return None
    log.warning("unavailable", code=error.code, error=str(error))
    return replace(Problem.of(error), retry_after=error.retry_after or RETRY_AFTER_SECONDS)


def database_problem(error: Exception) -> Problem:
    """Log an outage of the database and describe it."""
    log.warning("database_unavailable", error=str(error))
    detail = _("The database does not answer. Try again in a few seconds.")
    return Problem(503, "DATABASE_UNAVAILABLE", detail, retry_after=RETRY_AFTER_SECONDS)

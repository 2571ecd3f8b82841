"""Which exceptions mean that a part of the system is away: worth another try, and no fault of ours."""

from dataclasses import replace
from http import HTTPStatus

import structlog
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from common.exceptions import DomainError
from common.problems import Problem

RETRY_AFTER_SECONDS = 5
log = structlog.get_logger(__name__)


def means(error: BaseException | None) -> bool:
    """Whether an exception means that a part is away."""
    if isinstance(error, DomainError):
        return error.status == HTTPStatus.SERVICE_UNAVAILABLE
    return isinstance(error, (OperationalError, InterfaceError))


def of(error: BaseException) -> Problem | None:
    """The outage behind an exception, which is logged; None: it is something else."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return of_database(error)
    if not isinstance(error, DomainError) or not means(error):
        return None
    log.warning("unavailable", code=error.code, error=str(error))
    return replace(Problem.of(error), retry_after=error.retry_after or RETRY_AFTER_SECONDS)


def of_database(error: Exception) -> Problem:
    """The outage of the database, which is logged."""
    log.warning("database_unavailable", error=str(error))
    detail = _("The database does not answer. Try again in a few seconds.")
    return Problem(503, "DATABASE_UNAVAILABLE", detail, retry_after=RETRY_AFTER_SECONDS)

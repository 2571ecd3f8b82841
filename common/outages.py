"""Exceptions that mean a dependency is unavailable or full: worth a retry, and not a bug."""

from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.utils.translation import gettext as _

from common import disks
from common.exceptions import DomainError
from common.problems import Problem

RETRY_AFTER_SECONDS = 5
RETRY_AFTER_FULL_SECONDS = 60
"""Somebody has to free space first."""
log = structlog.get_logger(__name__)


def is_outage(error: BaseException | None) -> bool:
    """Tell whether an exception means that a dependency is unavailable or full."""
    if isinstance(error, DomainError):
        return error.status == HTTPStatus.SERVICE_UNAVAILABLE
    return isinstance(error, (OperationalError, InterfaceError)) or disks.is_full(error)


def problem_for(error: BaseException) -> Problem | None:
    """Log the outage behind an exception and describe it; None when it is no outage."""
    if isinstance(error, (OperationalError, InterfaceError)):
        return database_problem(error)
    if isinstance(error, OSError) and disks.is_full(error):
        return _disk_problem(error)
    if not isinstance(error, DomainError) or not is_outage(error):
        return None
    log.warning("unavailable", code=error.code, error=str(error))
    return replace(Problem.of(error), retry_after=error.retry_after or RETRY_AFTER_SECONDS)


def database_problem(error: Exception) -> Problem:
    """Log an outage of the database, or its full disk, and describe it."""
    if is_database_full(error):
        log.error("database_full", error=str(error))
        detail = _("The disk of the database is full: free some space there, then try again.")
        return Problem(503, "DATABASE_FULL", detail, retry_after=RETRY_AFTER_FULL_SECONDS)
    log.warning("database_unavailable", error=str(error))
    detail = _("The database does not answer. Try again in a few seconds.")
    return Problem(503, "DATABASE_UNAVAILABLE", detail, retry_after=RETRY_AFTER_SECONDS)


def is_database_full(error: BaseException | None = None) -> bool:
    """Tell whether the database's disk is full: by an error, and for SQLite by its folder.

    SQLite reports a full disk as an I/O error, or a file that cannot be opened, when its journal grows.
    """
    if disks.is_full(error):
        return True
    folder = Path(str(connection.settings_dict["NAME"])).parent
    return connection.vendor == "sqlite" and not disks.has_room(folder)


def _disk_problem(error: OSError) -> Problem:
    folders = ", ".join(disks.full_folders())
    log.error("disk_full", error=str(error), folders=folders)
    detail = _("A disk of the server is full: free some space there, then try again.")
    if folders:
        detail = _("The disk of %(folders)s is full on the server: free some space there.")
        detail %= {"folders": folders}
    return Problem(503, "DISK_FULL", detail, retry_after=RETRY_AFTER_FULL_SECONDS)

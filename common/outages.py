"""Which exceptions mean that a part of the system is away: worth another try, and no fault of ours."""

from dataclasses import dataclass
from http import HTTPStatus

import structlog
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

RETRY_AFTER_SECONDS = 5
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Outage:
    """What a caller is told."""

    code: str
    detail: str
    retry_after: int = RETRY_AFTER_SECONDS


def means(error: BaseException | None) -> bool:
    """Whether an exception means that a part is away."""
    away = getattr(error, "status", None) == HTTPStatus.SERVICE_UNAVAILABLE
    return away or isinstance(error, (OperationalError, InterfaceError))


def of(error: BaseException) -> Outage | None:
    """The outage behind an exception, which is logged; None: it is something else."""
    if isinstance(error, (OperationalError, InterfaceError)):
        log.warning("database_unavailable", error=str(error))
        detail = _("The database does not answer. Try again in a few seconds.")
        return Outage("DATABASE_UNAVAILABLE", detail)
    if getattr(error, "status", None) == HTTPStatus.SERVICE_UNAVAILABLE:
        code = str(getattr(error, "code", "UNAVAILABLE"))
        log.warning("unavailable", code=code, error=str(error))
        return Outage(code, str(error), getattr(error, "retry_after", RETRY_AFTER_SECONDS))
    return None

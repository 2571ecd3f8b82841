"""Leases: one process at a time holds a row until its lease expires, and cannot write afterwards.

A lease is short and renewed three times before it ends: that is how its holder says that it lives, in the
database, so that nothing else has to be there. `lease_until` is also the fencing token: a process that was
presumed dead finds another value there. All writes are compare-and-set, which works on PostgreSQL and on
SQLite alike.

    lease = leases.claim(Export.objects.filter(status__in=UNFINISHED), pk)
    if lease is not None:
        with lease:
            lease.write(progress=0.5)
            lease.finish(status=ExportStatus.DONE)
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Any

import structlog
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection, models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
"""Workers that a row may kill before it is given up."""
PATIENCE = 10
"""After how many times the length of a lease a requested task that nobody has taken is requested again."""


class Leased(models.Model):
    """A row that one worker at a time holds; `attempts` counts claims neither finished nor released."""

    lease_until = models.DateTimeField(_("held until"), null=True, blank=True, editable=False)
    attempts = models.IntegerField(default=0, db_default=0, editable=False)

    class Meta:
        abstract = True


class LeasedWork(Leased):
    """A leased row that a background task works on; `common.recovery` enqueues lost tasks again."""

    enqueued_at = models.DateTimeField(_("requested at"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class LeaseLostError(Exception):
    """Another worker has the row, or the work was cancelled: this worker must not write any more."""


def claim(
    rows: models.QuerySet[Any],
    pk: int,
    *,
    seconds: float | None = None,
    release_on: Sequence[type[Exception]] = (),
    **fields: Any,
) -> "Lease | None":
    """Take the lease of a row and write `fields`.

    An error of `release_on`, or an outage of the database, is not the row's fault: it ends the lease at once
    and is not counted as an attempt. After any other error the lease expires by itself, as after the death of
    the worker.

    Returns:
        None when another worker holds the row, or it is not among `rows`.
    """
    lease = Lease(rows.model, pk, end(seconds), seconds=seconds, release_on=release_on)
    free = rows.filter(is_free(), pk=pk)
    taken = free.update(lease_until=lease.until, attempts=F("attempts") + 1, **fields)
    return lease if taken else None


def is_free(now: datetime | None = None) -> Q:
    """Match rows without a lease, or with an expired one."""
    return Q(lease_until=None) | Q(lease_until__lte=now or timezone.now())


def is_overdue() -> Q:
    """Match rows that nobody works on, although it was requested.

    That is so for a row whose lease has expired since its task was enqueued, as its worker is dead, and for
    one whose task was enqueued `PATIENCE` leases ago, or never.
    """
    now = timezone.now()
    is_lost = Q(enqueued_at=None) | Q(enqueued_at__lte=now - patience())
    return is_free(now) & (is_lost | is_expired(now) & Q(enqueued_at__lte=F("lease_until")))


def is_expired(now: datetime | None = None) -> Q:
    """Match rows whose holder has neither renewed nor released its lease: it is dead."""
    return Q(lease_until__lte=now or timezone.now())


def patience() -> timedelta:
    """Return how long a requested task may wait for a worker before it is requested again."""
    return timedelta(seconds=PATIENCE * settings.TASK_LEASE_SECONDS)


def end(seconds: float | None = None) -> datetime:
    """Return the end of a lease that begins, or is renewed, now."""
    return timezone.now() + timedelta(seconds=seconds or settings.TASK_LEASE_SECONDS)


class Lease:
    """The right to work on one row; as a context manager it renews itself in the background.

    Within a transaction it does not: nobody else sees the row, and after a kill there is none.
    """

    def __init__(
        self,
        model: type[models.Model],
        pk: int,
        until: datetime,
        *,
        seconds: float | None = None,
        release_on: Sequence[type[Exception]] = (),
    ) -> None:
        self.pk = pk
        self.lost = False
        self._row = model._default_manager.filter(pk=pk)  # noqa: SLF001
        self._seconds = seconds
        self._release_on = (*release_on, OperationalError, InterfaceError)
        # During a renewal the row has the old end or the new one: both are ours.
        self._ends: tuple[datetime, ...] = (until,)
        self._over = Event()
        self._renewing = Thread(target=self._renew_often, name=f"lease-{pk}", daemon=True)

    def __enter__(self) -> "Lease":
        if not connection.in_atomic_block:
            self._renewing.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._renewing.is_alive():
            self._renewing.join()
        if error is None:
            self.release()
        elif isinstance(error, self._release_on):
            with suppress(Error):  # the database may be what is unavailable: then the lease expires
                self.release()

    @property
    def until(self) -> datetime:
        """The time when the lease ends unless it is renewed."""
        return self._ends[-1]

    @property
    def rows(self) -> models.QuerySet[Any]:
        """The leased row, empty once the lease is lost."""
        return self._row.filter(lease_until__in=self._ends)

    @property
    def attempts(self) -> int:
        """Number of claims, including this one, without `finish` or `release`."""
        return int(self._row.values_list("attempts", flat=True).get())

    def renew(self) -> None:
        """Extend the lease.

        Raises:
            LeaseLostError: another worker has the row.
        """
        until = end(self._seconds)
        self._ends = (*self._ends, until)
        self.write(lease_until=until)
        self._ends = (until,)

    def write(self, **fields: Any) -> None:
        """Change the row.

        Raises:
            LeaseLostError: another worker has the row; nothing was written.
        """
        if self.rows.update(**fields) != 1:
            self.lost = True
            raise LeaseLostError

    def finish(self, **fields: Any) -> None:
        """Write the outcome and end the lease.

        Raises:
            LeaseLostError: another worker has the row; nothing was written.
        """
        self.write(**fields, lease_until=None, attempts=0)

    def release(self) -> None:
        """Give the row back without counting an attempt; no error if the lease is lost."""
        self.rows.update(lease_until=None, attempts=F("attempts") - 1)

    def _renew_often(self) -> None:
        shortest = min(self._seconds or settings.TASK_LEASE_SECONDS, settings.TASK_LEASE_SECONDS)
        while not self.lost and not self._over.wait(shortest / 3):
            try:
                self.renew()
            except LeaseLostError:
                log.warning("lease_lost", row=self.pk)
            except Error as error:
                log.warning("lease_not_renewed", row=self.pk, error=str(error))
            finally:
                connection.close()  # this thread's own

"""Soft deletion: rows are hidden first, can be restored, and are removed later."""

from datetime import datetime
from typing import Self, TypeVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

Row_co = TypeVar("Row_co", bound=models.Model, covariant=True)

LIVING = Q(deleted_at__isnull=True)
DELETED = Q(deleted_at__isnull=False)


class SoftDeleted(models.Model):
    """A row that is hidden once `deleted_at` is set."""

    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class SoftDeleteQuerySet(models.QuerySet[Row_co]):
    """Rows with `deleted_at` and `updated_at`; hidden and restored by compare-and-set."""

    def living(self) -> Self:
        """Rows that are not deleted."""
        return self.filter(LIVING)

    def deleted(self) -> Self:
        """Rows that are deleted and can be restored."""
        return self.filter(DELETED)

    def named(self, part: str) -> Self:
        """Rows that are not deleted, by a part of their name."""
        return self.living().filter(name__icontains=part)

    def lock(self) -> int:
        """Lock these rows until the transaction ends; SQLite, which lets one write at a time, needs no lock.

        Returns:
            Their number.
        """
        return len(self.order_by("pk").select_for_update(no_key=True).values_list("pk"))

    def hide(self) -> datetime | None:
        """Hide those of these rows that are not deleted.

        Returns:
            The new `deleted_at`; None when there was no row to hide.
        """
        now = timezone.now()
        return now if self.living().update(deleted_at=now, updated_at=now) else None

    def unhide(self) -> int:
        """Restore those of these rows that are deleted.

        Returns:
            The number of restored rows.
        """
        return self.deleted().update(deleted_at=None, updated_at=timezone.now())

    # Not on managers: there they would mean all rows.
    lock.queryset_only = True  # type: ignore[attr-defined]
    hide.queryset_only = True  # type: ignore[attr-defined]
    unhide.queryset_only = True  # type: ignore[attr-defined]

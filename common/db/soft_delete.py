"""Soft deletion: rows are hidden first, can be brought back, and are removed later."""

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
    """A row that is hidden since `deleted_at`."""

    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class SoftDeleteQuerySet(models.QuerySet[Row_co]):
    """Rows with `deleted_at` and `updated_at`; both changes are made by compare-and-set."""

    def living(self) -> Self:
        """Those that nobody has deleted."""
        return self.filter(LIVING)

    def deleted(self) -> Self:
        """Those that are hidden."""
        return self.filter(DELETED)

    def hide(self) -> datetime | None:
        """Hide the living ones of these rows.

        Returns:
            What `deleted_at` is now; None when there was no row to hide.
        """
        now = timezone.now()
        return now if self.living().update(deleted_at=now, updated_at=now) else None

    def unhide(self) -> int:
        """Bring the hidden ones of these rows back.

        Returns:
            How many there were.
        """
        return self.deleted().update(deleted_at=None, updated_at=timezone.now())

    # Not on managers: there they would mean all rows.
    hide.queryset_only = True  # type: ignore[attr-defined]
    unhide.queryset_only = True  # type: ignore[attr-defined]

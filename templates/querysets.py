"""Questions that are asked of templates in more than one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from templates.models import Template  # noqa: F401  (names the generic below)


class TemplateQuerySet(models.QuerySet["Template"]):
    """Templates by state."""

    def living(self) -> TemplateQuerySet:
        """Those that nobody has deleted."""
        return self.filter(deleted_at=None)

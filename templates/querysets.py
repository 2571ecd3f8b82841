"""Shared queries of templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.db.soft_delete import SoftDeleteQuerySet

if TYPE_CHECKING:
    from templates.models import Template  # noqa: F401  (names the generic below)


class TemplateQuerySet(SoftDeleteQuerySet["Template"]):
    """Queries of templates."""

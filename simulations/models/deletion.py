"""The deletion of a simulation, step by step."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from common.db.leases import LeasedWork
from simulations.choices import OPEN_DELETION, DeletionStatus


class Deletion(LeasedWork):
    """The deletion of a simulation; it keeps the name, as the simulation's row may be deleted.

    `steps` is a list of `{"name": ..., "status": ...}` in the order in which they run.
    """

    simulation_id = models.PositiveBigIntegerField(_("simulation"))
    name = models.CharField(_("name"), max_length=200)
    permanent = models.BooleanField(
        _("permanent"),
        default=False,
        help_text=_("Otherwise it can be restored until it is purged."),
    )
    status = models.CharField(
        _("status"), max_length=12, choices=DeletionStatus, default=DeletionStatus.PENDING
    )
    steps = models.JSONField[list[dict[str, Any]]](_("steps"), default=list)
    progress = models.PositiveSmallIntegerField(_("progress (%)"), default=0)
    error_code = models.CharField(
        max_length=30, blank=True, default="", db_default="", editable=False
    )
    error = models.TextField(_("error"), blank=True, default="")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("requested by"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    enqueued_at = models.DateTimeField(default=timezone.now, db_column="touched_at", editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")
        ordering = ["-id"]
        indexes = [models.Index(fields=["simulation_id"], name="simulations_deletion_sim")]
        constraints = [
            models.UniqueConstraint(
                fields=["simulation_id"],
                condition=Q(status__in=sorted(OPEN_DELETION)),
                name="simulations_deletion_one_open",
            )
        ]

    def __str__(self) -> str:
        return self.name

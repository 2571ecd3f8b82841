"""Requested tests of MECs, where only controllers may use the backend."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from common.db.leases import Leased
from simulations.models.mec import Mec
from simulations.querysets import OPEN_PROBES, LinkProbeQuerySet


class LinkProbe(Leased):
    """A test of a link that a server requests and a controller makes; the newest result is the mec's own.

    It ends with a result or an error; with neither where all controllers that made it were killed.
    """

    mec = models.ForeignKey(Mec, on_delete=models.CASCADE, related_name="+")
    link = models.JSONField[dict[str, Any]]()
    """The link of the mec as it was requested."""
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    taken_at = models.DateTimeField(null=True)
    """When a controller took it last."""
    ended_at = models.DateTimeField(null=True)
    result = models.JSONField[dict[str, Any] | None](null=True, default=None)
    """A `ProbeResult`."""
    error = models.TextField(default="")
    """The reason of the backend for no result."""

    objects = LinkProbeQuerySet.as_manager()

    class Meta:
        verbose_name = _("requested test")
        verbose_name_plural = _("requested tests")
        ordering = ["pk"]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(ended_at=None),
                name="simulations_linkprobe_open",
            )
        ]

    @property
    def is_open(self) -> bool:
        """True while it is to be made or being made."""
        return self.ended_at is None and self.created_at > timezone.now() - OPEN_PROBES

    def __str__(self) -> str:
        return f"{self.mec_id} {self.created_at:%Y-%m-%d %H:%M:%S}"

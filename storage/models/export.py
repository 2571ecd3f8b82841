"""Exports of rosbags."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.db.leases import LeasedWork
from storage.choices import ExportFormat, ExportStatus, sentence
from storage.models.rosbag import MAX_NAME_LENGTH, Rosbag


class Export(LeasedWork):
    """A part of a rosbag, exported as a new rosbag or as a table.

    `start_ns` and `end_ns` are inclusive; an empty list of topics means all.
    """

    source = models.ForeignKey(
        Rosbag, verbose_name=_("rosbag"), on_delete=models.CASCADE, related_name="exports"
    )
    format = models.CharField(_("format"), max_length=10, choices=ExportFormat.choices)
    topics = models.JSONField(_("topics"), default=list, blank=True)
    start_ns = models.BigIntegerField(_("from (ns)"))
    end_ns = models.BigIntegerField(_("to (ns)"))
    fields = models.JSONField(_("fields"), default=list, blank=True)
    latched = models.BooleanField(_("with latched messages from before"), default=True)
    name = models.CharField(_("name"), max_length=MAX_NAME_LENGTH)
    status = models.CharField(
        _("status"), max_length=10, choices=ExportStatus.choices, default=ExportStatus.PENDING
    )
    code = models.CharField(_("code"), max_length=64, blank=True, default="")
    details = models.JSONField(_("details"), default=dict, blank=True)
    progress = models.FloatField(_("progress"), default=0.0)
    message_count = models.BigIntegerField(_("messages"), default=0)
    size = models.BigIntegerField(_("size (bytes)"), default=0)
    result = models.ForeignKey(
        Rosbag,
        verbose_name=_("result"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    file = models.CharField(_("file"), max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    attempts = models.IntegerField(default=0, db_default=0, db_column="begun", editable=False)

    class Meta:
        verbose_name = _("export")
        verbose_name_plural = _("exports")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["lease_until"],
                name="storage_export_unfinished",
                condition=Q(ended_at__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=ExportStatus.values), name="storage_export_status_known"
            ),
            models.CheckConstraint(
                condition=Q(end_ns__gte=models.F("start_ns")), name="storage_export_span_forward"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def sentence(self) -> str:
        """The reason of its failure in the current language; else empty."""
        fallback = str(self.details.get("reason", self.code))
        return sentence(self.code, self.details, fallback) if self.code else ""

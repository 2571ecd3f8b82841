"""Recordings of units or agents, and the segments that they come in."""

from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from simulations.choices import RecordingStatus
from simulations.models.execution import StageRun
from simulations.querysets import RecordingQuerySet
from storage.models import Rosbag


class Recording(models.Model):
    """The expected recording of one attempt of a unit, or of one of its agents.

    It exists before the release, so that a missing one is listed. A later attempt has recordings of its own.
    """

    stage_run = models.ForeignKey(
        StageRun, verbose_name=_("stage run"), on_delete=models.CASCADE, related_name="recordings"
    )
    unit = models.PositiveIntegerField(_("unit"))
    agent = models.PositiveIntegerField(
        _("agent"), null=True, help_text=_("Empty: all agents of the unit are in one recording.")
    )
    attempt = models.PositiveIntegerField(_("attempt"), default=1)
    topics = models.JSONField(_("expected topics"), default=list)
    status = models.CharField(
        _("status"), max_length=12, choices=RecordingStatus, default=RecordingStatus.EXPECTED
    )
    message_count = models.PositiveBigIntegerField(_("messages recorded"), null=True)
    dropped = models.PositiveBigIntegerField(_("messages dropped"), default=0)
    lost_spans = models.JSONField[list[dict[str, Any]] | None](
        _("lost"), null=True, default=None, editable=False
    )
    """Spans of time of which nothing is stored, as of `services.runs.lost_spans`."""
    text = models.TextField(_("what happened"), blank=True, default="")
    rosbag = models.OneToOneField(
        Rosbag,
        verbose_name=_("rosbag"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="recording",
    )
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = RecordingQuerySet.as_manager()

    class Meta:
        verbose_name = _("recording")
        verbose_name_plural = _("recordings")
        ordering = ["stage_run", "unit", "agent", "attempt"]
        constraints = [
            models.UniqueConstraint(
                F("stage_run"),
                F("unit"),
                F("attempt"),
                Coalesce("agent", 0),
                name="simulations_recording_attempt",
            )
        ]

    def __str__(self) -> str:
        agent = "" if self.agent is None else f"/{self.agent}"
        return f"{self.stage_run_id}/{self.unit}{agent}.{self.attempt}"


class RecordingSegment(models.Model):
    """One data file of a recording; it is closed and uploaded while the run goes on."""

    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="segments")
    number = models.PositiveIntegerField()
    size = models.PositiveBigIntegerField()
    first_ns = models.BigIntegerField()
    last_ns = models.BigIntegerField()
    message_count = models.PositiveBigIntegerField()
    counts = models.JSONField[list[int]](default=list)
    """Messages of each of the recording's topics, in their order."""
    stored = models.BooleanField(default=False)

    class Meta:
        ordering = ["recording", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "number"], name="simulations_recordingsegment_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.recording_id}/{self.number}"

"""What happened, in order: the timeline of an execution, and deletions under way."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from simulations.choices import RunStatus
from simulations.models.execution import Execution


class Event(models.Model):
    """One thing that happened to an execution; rows are only ever added."""

    execution = models.ForeignKey(
        Execution, verbose_name=_("execution"), on_delete=models.CASCADE, related_name="events"
    )
    sequence = models.PositiveBigIntegerField(_("sequence"))
    time = models.DateTimeField(_("time"), auto_now_add=True)
    kind = models.CharField(_("kind"), max_length=50)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("actor"),
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
    )
    payload = models.JSONField(_("payload"), default=dict)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["execution", "sequence"]
        indexes = [models.Index(fields=["time"], name="simulations_event_time")]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "sequence"], name="simulations_event_sequence"
            )
        ]

    def __str__(self) -> str:
        return f"{self.execution_id}#{self.sequence} {self.kind}"


class Deletion(models.Model):
    """The removal of a simulation with all that it made, step by step."""

    simulation_id = models.PositiveBigIntegerField(_("simulation"))
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(
        _("status"), max_length=12, choices=RunStatus, default=RunStatus.PENDING
    )
    steps = models.JSONField(_("steps"), default=dict)
    progress = models.PositiveSmallIntegerField(_("progress (%)"), default=0)
    error = models.TextField(_("error"), blank=True, default="")
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")
        ordering = ["-id"]
        indexes = [models.Index(fields=["simulation_id"], name="simulations_deletion_sim")]

    def __str__(self) -> str:
        return self.name

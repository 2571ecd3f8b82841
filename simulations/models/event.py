"""The timeline of an execution."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from simulations.models.execution import Execution


class Event(models.Model):
    """One entry of the timeline of an execution; rows are never changed."""

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

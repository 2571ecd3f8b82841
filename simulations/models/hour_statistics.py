"""Statistics of each hour, kept for charts: the rows that they were counted from may be removed."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class HourStatistics(models.Model):
    """One hour; `stored_bytes` as it ended. Only `services.monitoring.history` writes it."""

    hour = models.DateTimeField(_("hour"), unique=True, help_text=_("Its beginning."))
    executions = models.PositiveIntegerField(_("executions ended"), default=0)
    failed = models.PositiveIntegerField(_("of these failed"), default=0)
    stopped = models.PositiveIntegerField(_("of these stopped"), default=0)
    agents = models.PositiveIntegerField(_("agents ended"), default=0)
    stored_bytes = models.PositiveBigIntegerField(_("stored (bytes)"), default=0)

    class Meta:
        verbose_name = _("statistics of an hour")
        verbose_name_plural = _("statistics of hours")
        ordering = ["-hour"]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:%M}"

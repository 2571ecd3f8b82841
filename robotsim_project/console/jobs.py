"""Work in the background as rows of tables."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from common.admin.badges import badge
from common.admin.times import moment
from simulations.services.monitoring.work import Work


@dataclass(frozen=True)
class Job:
    """Something that a worker does, or will do."""

    work: Work

    @property
    def url(self) -> str:
        models = {"rosbag": "storage_rosbag", "export": "storage_export"}
        model = models.get(self.work.kind, "simulations_deletion")
        return reverse(f"admin:{model}_change", args=[self.work.pk])

    @property
    def is_held(self) -> bool:
        """Return True while a worker has it."""
        until = self.work.lease_until
        return until is not None and until > timezone.now()

    @property
    def badge(self) -> str:
        """Work that is done with it, or will be."""
        texts = {
            ("rosbag", True): _("verifying"),
            ("rosbag", False): _("waits for verification"),
            ("export", True): _("exporting"),
            ("export", False): _("waits for export"),
            ("deletion", True): _("deleting"),
            ("deletion", False): _("waits for deletion"),
        }
        text = texts[self.work.kind, self.is_held]
        return badge("run" if self.is_held else "idle", text)

    @property
    def percent(self) -> int:
        return int(self.work.percent or 0)

    @property
    def since(self) -> str:
        return moment(self.work.since)

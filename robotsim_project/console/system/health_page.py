"""The page of the health of the system: its parts, processes and versions."""

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import django
from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.admin.times import moment
from robotsim_project.console import live
from robotsim_project.console.system import health
from robotsim_project.processes.presence import Process
from simulations.models import Execution

KINDS = {
    "server": gettext_lazy("Server"),
    "controller": gettext_lazy("Controller"),
    "worker": gettext_lazy("Worker"),
}


@dataclass(frozen=True)
class Row:
    """A process as a row of the table."""

    process: Process

    @property
    def title(self) -> object:
        return KINDS.get(self.process.kind, self.process.kind)

    @property
    def differs(self) -> bool:
        """Return True when it runs another version than this server."""
        return self.process.version != settings.VERSION

    @property
    def started(self) -> str:
        return moment(datetime.fromtimestamp(self.process.started_at, UTC))

    @property
    def seen(self) -> str:
        return moment(datetime.fromtimestamp(self.process.seen_at, UTC))


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show each part and each process."""
    return live.page(site, request, "robotsim/console/health", _("Health"), state())


def state() -> dict[str, Any]:
    """Read what the page shows."""
    seen = health.read(active=Execution.objects.active().exists())
    processes = None if seen.processes is None else [Row(row) for row in seen.processes]
    versions = [
        ("robotsim", settings.VERSION),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
    ]
    return {"health": seen, "processes": processes, "versions": versions}

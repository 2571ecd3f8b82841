"""The page of the background work: what waits, runs and failed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tasks import TaskResultStatus

from common.admin.badges import badge
from common.admin.times import moment
from robotsim_project.console import live
from robotsim_project.console.jobs import Job
from simulations.services.monitoring import metrics, work

MAX_ROWS = 50
TASKS = {
    "verify_rosbag": gettext_lazy("Verify a rosbag"),
    "make_export": gettext_lazy("Make an export"),
    "abandon_upload": gettext_lazy("Remove an abandoned upload"),
    "delete": gettext_lazy("Delete a simulation"),
    "send_reset": gettext_lazy("Mail a link to reset a password"),
}


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show what waits, runs and failed."""
    return live.page(
        site, request, "robotsim/console/work", _("Background work"), state(request.user)
    )


def state(user: Any) -> dict[str, Any]:
    """Read what the page shows."""
    rows = work.open_work(MAX_ROWS + 1)
    task_list = "django_tasks_database_dbtaskresult_changelist"
    may_see_tasks = user.has_perm("django_tasks_database.view_dbtaskresult")
    return {
        "work": [Job(row) for row in rows[:MAX_ROWS]],
        "more_work": len(rows) > MAX_ROWS,
        "failed": [Failed(row, user) for row in work.failed_work(MAX_ROWS)],
        "queue": [Queued(row) for row in metrics.open_tasks()],
        "failed_tasks": [(title(name), moment(at)) for name, at in work.failed_tasks(10)],
        "task_list": reverse(f"admin:{task_list}") if may_see_tasks else "",
    }


def title(task: str) -> object:
    """The name of a task for readers; its own where another version wrote it."""
    return TASKS.get(task, task)


@dataclass(frozen=True)
class Failed(Job):
    """Work that failed, and the action of its list that tries it again."""

    user: Any

    @property
    def badge(self) -> str:
        texts = {
            "rosbag": _("verification failed"),
            "export": _("export failed"),
            "deletion": _("deletion failed"),
        }
        return badge("bad", texts[self.work.kind])

    @property
    def may_verify(self) -> bool:
        return self.work.kind == "rosbag" and bool(self.user.has_perm("storage.verify_rosbag"))


@dataclass(frozen=True)
class Queued:
    """Tasks of one kind and state."""

    tasks: metrics.TaskStatistics

    @property
    def title(self) -> object:
        return title(self.tasks.task)

    @property
    def badge(self) -> str:
        if self.tasks.status == TaskResultStatus.RUNNING.lower():
            return badge("run", _("running"))
        return badge("idle", _("waiting"))

    @property
    def oldest(self) -> str:
        return moment(datetime.fromtimestamp(self.tasks.since, UTC))

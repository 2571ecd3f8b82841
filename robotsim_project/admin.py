"""The console's pages of background tasks: the library's, with our rights and in our languages."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult

from common.admin.changelists import BoundedListMixin
from robotsim_project.console.system.work_page import TASKS

admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(BoundedListMixin, DBTaskResultAdmin):
    """Background tasks with their arguments, results and errors."""

    list_display = (
        *("id", "task", "status", "enqueued_at", "started_at", "finished_at"),
        *("priority", "queue_name"),
    )

    @admin.display(description=_("task"), ordering="task_path")
    def task(self, row: Any) -> str:
        return str(TASKS.get(row.task_name, row.task_name))

    formatted_traceback = admin.display(description=_("traceback"))(
        DBTaskResultAdmin.formatted_traceback
    )
    display_run_after = admin.display(description=_("run after"))(
        DBTaskResultAdmin.display_run_after
    )

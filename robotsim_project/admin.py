"""The console's pages of background tasks: the library's, with our rights."""

from django.contrib import admin
from django_tasks_db.admin import DBTaskResultAdmin
from django_tasks_db.models import DBTaskResult

from common.admin.changelists import BoundedListMixin

admin.site.unregister(DBTaskResult)


@admin.register(DBTaskResult)
class TaskAdmin(BoundedListMixin, DBTaskResultAdmin):
    """Background tasks with their arguments, results and errors."""

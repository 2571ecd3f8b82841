"""The page of one execution, live: a header, panels, and the scripts that keep them up to date."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from common.admin.actions import ObjectActionsMixin
from common.admin.changelists import BoundedListMixin, is_changelist
from common.admin.times import zone_name
from simulations.admin.comparison import ComparisonMixin
from simulations.admin.executions import agents, header, panels
from simulations.admin.executions.actions import ExecutionActionsMixin
from simulations.admin.executions.again import again_page
from simulations.admin.executions.changelist import ExecutionColumnsMixin, ExecutionList, Rows
from simulations.admin.executions.page_data import PageData
from simulations.admin.executions.texts import texts
from simulations.admin.filters import ExecutionSearchMixin
from simulations.admin.formatting import execution_name
from simulations.choices import ENDED, STOPPABLE
from simulations.models import Execution

FEW_AGENTS = 60
"""So many squares need no more than half of the page's width."""
FIRST_DATA = ("progress", "agents", "timeline")
"""Data that the page comes with; the log follows once it is seen."""


@admin.register(Execution)
class ExecutionAdmin(
    ComparisonMixin,
    ExecutionActionsMixin,
    ExecutionColumnsMixin,
    ObjectActionsMixin,
    ExecutionSearchMixin,
    BoundedListMixin,
    admin.ModelAdmin[Execution],
):
    """Executions: their list, and the live page of each."""

    actions = ["stop", "again", "latest"]

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[ExecutionList]:
        return ExecutionList

    def get_queryset(self, request: HttpRequest) -> Rows:
        rows: Rows = super().get_queryset(request)
        if is_changelist(request):
            return rows.select_related("simulation", "requested_by")
        rows = rows.select_related("simulation", "requested_by", "stopped_by", "again_of")
        return rows.defer("again_of__plan", "again_of__outcome")

    def object_actions(self, row: Execution) -> list[str]:
        if row.status in ENDED:
            return ["again", "latest"]
        return ["stop"] if row.status in STOPPABLE else []

    def get_urls(self) -> list[URLPattern]:
        pages = {"panels": self.panels_view, "again": self.again_view}
        urls = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"simulations_execution_{name}",
            )
            for name, view in pages.items()
        ]
        return [*urls, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the page of an execution; there is nothing to edit."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        execution = self._execution(request, object_id)
        if execution is None:
            messages.warning(request, _("This execution does not exist: perhaps it was deleted."))
            return HttpResponseRedirect(reverse("admin:simulations_execution_changelist"))
        data = PageData(execution, request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": execution_name(execution),
            "execution": execution,
            "pattern": execution.simulation.get_pattern_display(),
            "panels": panels.render(data, panels.REFRESHED),
            "script": self._script(data),
            "few": data.plan.agents <= FEW_AGENTS,
            "agents_url": agents.list_address(data),
            "may_stop": header.actions(data)["may_stop"],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "simulations/console/execution/page.html", context)

    def panels_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Answer with the fragments and data whose names the query asks for."""
        execution = self._execution(request, str(pk))
        if execution is None:
            raise Http404
        data = PageData(execution, request)
        names = request.GET.get("names", "").split(",")
        answer = {
            "now": _now_ms(),
            "ended": execution.ended,
            "html": panels.render(data, [name for name in names if name in panels.PANELS]),
            "data": panels.values(data, [name for name in names if name in panels.DATA]),
        }
        return JsonResponse(answer, headers={"Cache-Control": "no-store"})

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what running it again would do."""
        if not self.has_again_permission(request):
            raise PermissionDenied
        execution = self._execution(request, str(pk))
        if execution is None:
            raise Http404
        title = _("Run %(name)s again") % {"name": execution_name(execution)}
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return again_page(request, execution, context)

    def _execution(self, request: HttpRequest, object_id: str) -> Execution | None:
        """The execution with its stages, for those who may see it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        execution: Execution | None = self.get_object(request, object_id)
        return execution

    def _script(self, data: PageData) -> dict[str, Any]:
        """Values that the scripts of the page need."""
        execution = data.execution
        return {
            "now": _now_ms(),
            "zone": zone_name(),
            "ended": execution.ended,
            "stream": f"{settings.API_STR}/executions/{execution.pk}/stream",
            "panels": reverse("admin:simulations_execution_panels", args=[execution.pk]),
            "signIn": reverse("admin:login"),
            "legend": agents.legend(),
            "refreshed": panels.REFRESHED,
            "texts": texts(),
            "data": panels.values(data, FIRST_DATA),
        }


def _now_ms() -> int:
    """The server's time, by which the page's clocks run."""
    return round(timezone.now().timestamp() * 1000)

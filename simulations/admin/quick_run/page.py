"""The page "Quick run" and the summary beside its form, which follows what is entered."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from accounts.services import idempotency
from accounts.services.idempotency import StoredResponse
from common.admin.rights import right
from common.exceptions import DomainError, FieldError
from simulations.admin.quick_run.form import QuickRunForm
from simulations.admin.quick_run.summary import summary_of
from simulations.services import quick_run
from storage.admin.rosbags.add_page import script_texts


class QuickRunPage:
    """Mixin before `ModelAdmin`: the page, among those of simulations."""

    admin_site: Any
    opts: Any
    message_user: Any

    has_quickrun_permission = right("quickrun")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("quick-run/", wrap(self.quick_run_view), name="simulations_simulation_quick_run"),
            path(
                "quick-run/summary/",
                wrap(self.quick_run_summary_view),
                name="simulations_simulation_quick_run_summary",
            ),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def quick_run_view(self, request: HttpRequest) -> HttpResponse:
        """Show the form, or start what it says and lead to the execution."""
        self._require_right(request)
        if request.method != "POST":
            return self._page(request, QuickRunForm(self.admin_site, initial=_initial(request)))
        form = QuickRunForm(self.admin_site, request.POST)
        if form.is_valid() and (execution := _start(form, request.user)):
            self.message_user(request, _("The run was started."), messages.SUCCESS)
            return HttpResponseRedirect(
                reverse("admin:simulations_execution_change", args=[execution])
            )
        return self._page(request, form)

    def quick_run_summary_view(self, request: HttpRequest) -> HttpResponse:
        """The summary of values that are being entered, as a fragment of the page."""
        self._require_right(request)
        form = QuickRunForm(self.admin_site, request.GET)
        form.is_valid()
        context = {"summary": summary_of(form, is_waiting="waiting" in request.GET)}
        return TemplateResponse(request, "simulations/console/quick_run_summary.html", context)

    def _require_right(self, request: HttpRequest) -> None:
        if not self.has_quickrun_permission(request):
            raise PermissionDenied

    def _page(self, request: HttpRequest, form: QuickRunForm) -> HttpResponse:
        is_waiting = form.is_waiting
        if is_waiting:
            form.errors.clear()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Quick run"),
            "form": form,
            "media": form.media,
            "summary": summary_of(form, is_waiting=is_waiting),
            "rosbag_url": f"{settings.API_STR}/rosbags/0",
            "upload_texts": script_texts() | _upload_texts(),
        }
        return TemplateResponse(request, "simulations/console/quick_run.html", context)


def _upload_texts() -> dict[str, str]:
    return {
        "one_bundle": _("These are several rosbags: choose one of them."),
        "starts_after": _("The run starts by itself as soon as the rosbag is stored and ready."),
    }


def _initial(request: HttpRequest) -> dict[str, Any]:
    mec = quick_run.default_mec()
    rosbag = request.GET.get("rosbag", "")
    return {"mec": mec and mec.pk, "rosbag": rosbag if rosbag.isdecimal() else None}


def _start(form: QuickRunForm, user: Any) -> int | None:
    """Start what the form says, once for all its clicks.

    Returns:
        The id of the execution; None when it was refused, which the form shows.
    """

    def execute() -> StoredResponse:
        execution = quick_run.start(form.quick_run(), requested_by=user)
        return StoredResponse(202, {"execution": execution.pk})

    identity = form.identity(user)
    try:
        stored = idempotency.find(identity) or idempotency.run(identity, execute)[0]
    except DomainError as error:
        if first := idempotency.find(identity):  # another click, while this one was refused
            return int(first.data["execution"])
        for item in error.errors or [FieldError("", str(error))]:
            form.add_field_error(item)
        return None
    return int(stored.data["execution"])

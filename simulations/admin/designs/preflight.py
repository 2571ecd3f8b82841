"""The button that checks a simulation before a start: a part of its page, or without scripts a page."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from common.admin.badges import Tone
from simulations.choices import CheckStatus
from simulations.models import Simulation
from simulations.services.designs.checks import Check, Preflight, Subject
from simulations.services.designs.preflight import preflight

TONES: dict[CheckStatus, Tone] = {
    CheckStatus.OK: "ok",
    CheckStatus.WARNING: "warn",
    CheckStatus.ERROR: "bad",
    CheckStatus.UNKNOWN: "idle",
}
ADDRESSES = {
    "mec": "admin:simulations_mec_change",
    "template": "admin:templates_template_change",
    "rosbag": "admin:storage_rosbag_change",
}
FOLDER = "simulations/console/design"


def context(result: Preflight) -> dict[str, Any]:
    """Return the values of the result's template."""
    statuses = [check.status for check in result.checks]
    worst = next(
        s for s in (CheckStatus.ERROR, CheckStatus.WARNING, CheckStatus.OK) if s in statuses
    )
    return {"tone": TONES[worst], "verdict": _verdict(worst), "rows": map(_row, result.checks)}


def _verdict(worst: CheckStatus) -> str:
    return {
        CheckStatus.ERROR: _("It would fail"),
        CheckStatus.WARNING: _("It can start, with warnings"),
        CheckStatus.OK: _("Nothing speaks against a start"),
    }[worst]


def _row(check: Check) -> dict[str, Any]:
    return {
        "tone": TONES[check.status],
        "label": check.status.label,
        "name": capfirst(str(check.check.label)),
        "stage": check.stage,
        "text": check.text,
        "detail": check.values.get("detail", ""),
        "address": _address(check.subject) if check.status != CheckStatus.OK else "",
    }


def _address(subject: Subject | None) -> str:
    """Return where it is changed; that of the simulation is the page that shows the result."""
    name = ADDRESSES.get(subject.kind) if subject else None
    return reverse(name, args=[subject.pk]) if subject and name else ""


class PreflightMixin:
    """The address that checks a simulation; before `ModelAdmin`."""

    admin_site: Any
    opts: Any
    get_object: Any
    has_start_permission: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preflight_view)
        url = path("<path:object_id>/preflight/", view, name="simulations_simulation_preflight")
        return [url, *super().get_urls()]  # type: ignore[misc]

    def preflight_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Check it as it is stored, and show the result; a script asks for the part alone."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_start_permission(request):
            raise PermissionDenied
        row: Simulation | None = self.get_object(request, object_id)
        if row is None:
            raise Http404
        result = context(preflight(row, requested_by=request.user))  # type: ignore[arg-type]
        if "part" in request.POST:
            return render(request, f"{FOLDER}/preflight.html", result)
        title = _("Check of %(name)s") % {"name": row.name}
        page = {**self.admin_site.each_context(request), "opts": self.opts, "title": title}
        return render(
            request, f"{FOLDER}/preflight_page.html", {**page, **result, "simulation": row}
        )

"""The page "Add rosbag"; its script uploads by the API of upload sessions."""

import json
from typing import Any

from django.conf import settings
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from storage.choices import Status
from storage.models import Rosbag


class AddPage:
    """Mixin before `ModelAdmin`: replaces the add form by an upload page."""

    def get_urls(self: Any) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.popup_view)
        own = path("popup/<int:object_id>/", view, name="storage_rosbag_popup")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def add_view(
        self: Any, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the page; its script uploads to the API with the user's session."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        is_popup = IS_POPUP_VAR in request.GET
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add rosbag"),
            "is_popup": is_popup,
            "uploads": reverse("upload-list"),
            "change": reverse("admin:storage_rosbag_change", args=[0]),
            "popup": reverse("admin:storage_rosbag_popup", args=[0]) if is_popup else "",
            "next_steps": reverse("admin:storage_rosbag_part", args=[0, "next"]),
            "texts": script_texts(),
            "rosbag_url": f"{settings.API_STR}/rosbags/0",
        }
        return TemplateResponse(request, "storage/console/add_rosbag.html", context)

    def popup_view(self: Any, request: HttpRequest, object_id: int) -> HttpResponse:
        """Close the popup, and fill the field of the form that opened it with a rosbag."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        rosbag = Rosbag.objects.usable().filter(pk=object_id).first()
        if rosbag is None:
            raise Http404
        data = json.dumps({"value": str(rosbag.pk), "obj": str(rosbag)})
        context = {"popup_response_data": data}
        return TemplateResponse(request, "admin/popup_response.html", context)


def script_texts() -> dict[str, str]:
    """Texts of the script, in the current language."""
    return {
        "no_bundle": _(
            "There is no recording among these: choose a folder with metadata.yaml, .db3 or .mcap files, or "
            "an archive."
        ),
        "waiting": _("Waiting"),
        "beginning": _("Starting"),
        "sending": _("Sending"),
        "joining": _("Joining the parts"),
        "checking": _("Verifying: you can leave this page"),
        "resuming": _("Resuming an interrupted upload"),
        "retrying": _("The connection was lost; trying again"),
        "begun": _("Interrupted upload"),
        "interrupted": _("This upload was interrupted."),
        "resume": _("Choose the same files again: the upload resumes where it stopped."),
        "cancel": _("Cancel"),
        "cancelled": _("The upload was cancelled; nothing was stored."),
        "existing": _("This bundle is stored already."),
        "open": _("Open the rosbag"),
        "use": _("Use this rosbag"),
        "failed": _("The upload stopped. Check the connection, then choose the same files again."),
        Status.READY: _("It plays in full."),
        Status.READY_WITH_WARNINGS: _("It plays, with warnings."),
        Status.REPAIRED: _("It is damaged; a repaired copy was made."),
        Status.REJECTED: _("It cannot be played."),
    }

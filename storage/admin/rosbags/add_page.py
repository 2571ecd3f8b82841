"""The page "Add rosbag"; its script uploads by the API of upload sessions."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from rosbag2.reading.archive import SUFFIXES


class AddPage:
    """Mixin before `ModelAdmin`: replaces the add form by an upload page."""

    def add_view(
        self: Any, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the page; its script uploads to the API with the user's session."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add rosbag"),
            "uploads": reverse("upload-list"),
            "change": reverse("admin:storage_rosbag_change", args=[0]),
            "suffixes": " ".join(SUFFIXES),
            "texts": script_texts(),
            "rosbag_url": f"{settings.API_STR}/rosbags/0",
        }
        return TemplateResponse(request, "storage/console/add_rosbag.html", context)


def script_texts() -> dict[str, str]:
    """Texts of the script, in the current language."""
    return {
        "no_files": _("Choose the folder of a bundle, its files, or an archive first."),
        "beginning": _("Starting"),
        "sending": _("Sending"),
        "joining": _("Joining the parts"),
        "checking": _("Verifying: you can leave this page"),
        "resuming": _("Resuming an interrupted upload"),
        "retrying": _("The connection was lost; trying again"),
        "resume": _("Choose the same files again: the upload resumes where it stopped."),
        "other_files": _(
            "These are not the files of the interrupted upload: choose the same files, or cancel it."
        ),
        "cancelled": _("The upload was cancelled; nothing was stored."),
        "existing": _("This bundle is stored already."),
        "done": _("Open the rosbag"),
        "failed": _("The upload stopped. Check the connection, then choose the same files again."),
    }

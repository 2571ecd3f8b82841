"""The page that brings a rosbag in from a browser; its script speaks to the API of upload sessions."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from rosbag2.reading.archive import SUFFIXES


class Adding:
    """Before `ModelAdmin` in the bases: "Add" is a page of its own, as files are no fields of a form."""

    def add_view(
        self: Any, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the page; the upload itself goes to the API, with the same rights."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Add rosbag"),
            "uploads": reverse("upload-list"),
            "change": reverse("admin:storage_rosbag_change", args=[0]),
            "suffixes": " ".join(SUFFIXES),
            "words": words(),
            "address": f"{settings.API_STR}/rosbags/0",
        }
        return TemplateResponse(request, "storage/console/add_rosbag.html", context)


def words() -> dict[str, str]:
    """What the script says, in the language of the reader."""
    return {
        "nothing": _("Choose the folder of a bundle, its files, or an archive first."),
        "beginning": _("Beginning"),
        "sending": _("Sending"),
        "joining": _("Joining the parts"),
        "checking": _("Checking: this page may be left"),
        "resuming": _("Going on with an upload that was interrupted"),
        "again": _("The connection broke; trying again"),
        "gone": _("Choose the same files again: the upload goes on where it was."),
        "others": _(
            "These are not the files of the upload that was interrupted: choose the same ones, or cancel it."
        ),
        "cancelled": _("The upload was cancelled; nothing of it is kept."),
        "known": _("This bundle was there already."),
        "done": _("Open the rosbag"),
        "failed": _("The upload stopped. Check the connection, then choose the same files again."),
    }

"""Opening a rosbag in Foxglove: a page that says what goes there, then the signed address of its MCAP."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from storage.models import Rosbag
from storage.services.exports import exports
from storage.services.rosbags import downloads


class FoxglovePage:
    """Mixin before `ModelAdmin` in the admin of rosbags."""

    admin_site: Any
    get_object: Any
    has_view_permission: Any
    has_export_permission: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        pages = {"": self.foxglove_view, "open/": self.foxglove_open_view}
        own = [
            path(
                f"<int:object_id>/foxglove/{end}",
                self.admin_site.admin_view(view),
                name=f"storage_rosbag_foxglove{'_open' if end else ''}",
            )
            for end, view in pages.items()
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def foxglove_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Say which address goes to which site, or which export is needed first."""
        rosbag = self._foxglove_rosbag(request, object_id)
        site = urlsplit(settings.FOXGLOVE_URL)
        file = _signed(request, rosbag)
        origin = f"{site.scheme}://{site.netloc}"
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Open in Foxglove"),
            "rosbag": rosbag,
            "site": site.netloc,
            "origin": origin,
            "file": file,
            "minutes": settings.SIGNED_URL_SECONDS // 60,
            "address": reverse("admin:storage_rosbag_foxglove_open", args=[rosbag.pk]),
            "refused": not (
                settings.CORS_ALLOW_ALL_ORIGINS or origin in settings.CORS_ALLOWED_ORIGINS
            ),
            "mixed": site.scheme == "https" and file and not _trusted(file),
            "unfinished": exports.whole_mcap(rosbag, unfinished=True),
            "may_export": self.has_export_permission(request),
            "export": reverse("admin:storage_rosbag_export", args=[rosbag.pk]),
        }
        return render(request, "storage/console/foxglove.html", context)

    def foxglove_open_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Sign the address of the MCAP file and lead there."""
        rosbag = self._foxglove_rosbag(request, object_id)
        file = _signed(request, rosbag)
        if not file:
            return HttpResponseRedirect(reverse("admin:storage_rosbag_foxglove", args=[rosbag.pk]))
        query = urlencode({"ds": "remote-file", "ds.url": file})
        sign = "&" if urlsplit(settings.FOXGLOVE_URL).query else "?"
        return HttpResponseRedirect(f"{settings.FOXGLOVE_URL}{sign}{query}")

    def _foxglove_rosbag(self, request: HttpRequest, object_id: int) -> Rosbag:
        if not self.has_view_permission(request):
            raise PermissionDenied
        rosbag: Rosbag | None = self.get_object(request, str(object_id))
        if rosbag is None or not rosbag.usable or not settings.FOXGLOVE_URL:
            raise Http404
        return rosbag


def _signed(request: HttpRequest, rosbag: Rosbag) -> str:
    """Sign the address of the one MCAP file with all of a rosbag: its own, or that of an export."""
    export = exports.whole_mcap(rosbag)
    address = downloads.single_mcap(rosbag) or (
        exports.sign_url(export, audience="browser") if export else ""
    )
    return request.build_absolute_uri(address) if address else ""


def _trusted(address: str) -> bool:
    """Tell whether a page of https may read an address: browsers block http, but of this machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}

"""Parts of the page of a rosbag, which its script fetches: tables by page, previews, what changes."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from storage.admin.rosbags import contents, exports_list, previews, state
from storage.models import Rosbag

PARTS: dict[str, Callable[[HttpRequest, Rosbag], dict[str, Any]]] = {
    "state": state.context,
    "next": lambda _request, _rosbag: {},
    "topics": contents.topics,
    "files": contents.files,
    "exports": exports_list.context,
    "preview": previews.cards,
    "trajectory": previews.trajectory,
    "pictures": previews.pictures,
    "messages": previews.messages,
}
"""Contexts of the parts; each has a template of its name."""


class PartsPage:
    """Mixin before `ModelAdmin` in the admin of rosbags."""

    admin_site: Any
    get_object: Any
    has_view_permission: Any

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.part_view)
        own = path("<int:object_id>/part/<slug:part>/", view, name="storage_rosbag_part")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def part_view(self, request: HttpRequest, object_id: int, part: str) -> HttpResponse:
        """Answer with one part of the page, without the page around it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rosbag = self.get_object(request, str(object_id))
        if rosbag is None or part not in PARTS:
            raise Http404
        context = {"rosbag": rosbag, **PARTS[part](request, rosbag)}
        return render(request, f"storage/console/rosbag/{part}.html", context)

"""The page of the storage: what is stored, how much room is left, and what could be freed."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.admin.actions import admin_url
from common.admin.numbers import size
from robotsim_project.console import live
from robotsim_project.console.jobs import Job
from simulations.services.monitoring import work
from storage.choices import Origin, Status
from storage.models import Rosbag
from storage.services.maintenance.metrics import DELETED
from storage.services.maintenance.usage import TABLES, Usage, disk, largest, usage

MAX_ROWS = 10
ALMOST_FULL = 0.9
"""Part of a disk in use from which on the page warns."""
KINDS: dict[str, tuple[str | Promise, str, dict[str, str]]] = {
    Origin.UPLOADED: (
        gettext_lazy("Uploaded rosbags"),
        "storage_rosbag",
        {"origin__exact": "uploaded"},
    ),
    Origin.RECORDED: (gettext_lazy("Recordings"), "storage_rosbag", {"origin__exact": "recorded"}),
    Origin.REPAIRED: (
        gettext_lazy("Repaired copies"),
        "storage_rosbag",
        {"origin__exact": "repaired"},
    ),
    Origin.EXPORTED: (
        gettext_lazy("Exported rosbags"),
        "storage_rosbag",
        {"origin__exact": "exported"},
    ),
    TABLES: (gettext_lazy("Exported tables"), "storage_export", {"format__exact": "csv"}),
    Status.UPLOADING: (
        gettext_lazy("Unfinished uploads"),
        "storage_rosbag",
        {"status__exact": "uploading"},
    ),
    DELETED: (gettext_lazy("Deleted, can be restored"), "storage_rosbag", {"deleted": "yes"}),
}
"""Kinds in the order of the page, each with the list of its rows."""


@dataclass(frozen=True)
class Row:
    """Stored rosbags or files of one kind."""

    title: str | Promise
    url: str
    count: int
    size: int
    percent: int


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show what is stored."""
    return live.page(site, request, "robotsim/console/storage", _("Storage"), state())


def state() -> dict[str, Any]:
    """Read what the page shows."""
    used, room = usage(), disk()
    return {
        "total": used.total,
        "kinds": [_row(kind, used) for kind in KINDS],
        "disk": room,
        "disk_percent": _percent(room[0] - room[1], room[0]) if room else None,
        "is_almost_full": room is not None and room[1] < (1 - ALMOST_FULL) * room[0],
        "place": settings.MINIO_ENDPOINT or str(settings.STORAGE_DIR),
        "bucket": settings.MINIO_BUCKET if settings.MINIO_ENDPOINT else "",
        "largest": [_large(row) for row in largest(MAX_ROWS)],
        "deletions": [Job(row) for row in work.open_work(MAX_ROWS) if row.kind == "deletion"],
        "savings": _savings(used),
    }


def _row(kind: str, used: Usage) -> Row:
    title, model, filters = KINDS[kind]
    url = f"{reverse(f'admin:{model}_changelist')}?{urlencode(filters)}"
    bytes_used = used.sizes[kind]
    return Row(title, url, used.counts[kind], bytes_used, _percent(bytes_used, used.total))


def _percent(part: int, total: int) -> int:
    return round(100 * part / total) if total else 0


def _large(row: Rosbag) -> tuple[str, str, str, int]:
    return row.name, admin_url(row), row.get_origin_display(), row.size


def _savings(used: Usage) -> list[str]:
    """Say what could be freed, and how."""
    result = []
    if used.sizes[DELETED]:
        text = _("%(size)s of deleted rosbags: “manage.py purge_deleted” removes them permanently.")
        result.append(text % {"size": size(used.sizes[DELETED])})
    if used.counts[Status.UPLOADING]:
        text = _("%(size)s of unfinished uploads: those that nobody continues go after a day.")
        result.append(text % {"size": size(used.sizes[Status.UPLOADING])})
    if used.sizes[Origin.RECORDED]:
        text = _("Recordings older than %(days)d days: “manage.py prune” deletes them.")
        result.append(text % {"days": settings.RETENTION_DAYS["recordings"]})
    return result

"""The exports of a rosbag with their progress, on its page."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from common.admin.actions import admin_url
from storage.admin.exports import download_address, export_badge
from storage.choices import UNFINISHED
from storage.models import Export, Rosbag

MOST = 10


def context(request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return the last exports, and whether one still runs."""
    newest = rosbag.exports.select_related("result").order_by("-id")[: MOST + 1]
    rows = [_row(export) for export in newest]
    return {
        "exports": rows[:MOST],
        "more": len(rows) > MOST,
        "all": f"{reverse('admin:storage_export_changelist')}?source__id__exact={rosbag.pk}",
        "running": any(row["unfinished"] for row in rows),
        "may_cancel": request.user.has_perm("storage.cancel_export"),
    }


def _row(export: Export) -> dict[str, Any]:
    return {
        "export": export,
        "address": admin_url(export),
        "badge": export_badge(export),
        "percent": round(100 * export.progress),
        "unfinished": export.status in UNFINISHED,
        "cancel": reverse("admin:storage_export_act", args=[export.pk, "cancel"]),
        "file": download_address(export),
        "result": export.result and admin_url(export.result),
    }

"""The state of a rosbag that is uploaded or verified, followed by its page until the verdict is there."""

from typing import Any

from django.http import HttpRequest

from storage.admin.rosbags.verdict import kinship, status_badge, verdict_of
from storage.choices import Status
from storage.models import Rosbag

PASSING = {Status.UPLOADING, Status.VERIFYING}


def context(_request: HttpRequest, rosbag: Rosbag) -> dict[str, Any]:
    """Return the verdict, and whether it is still to come."""
    return {
        "rosbag": rosbag,
        "verdict": verdict_of(rosbag),
        "badge": status_badge(rosbag),
        "kin": kinship(rosbag),
        "passing": rosbag.status in PASSING and rosbag.deleted_at is None,
    }

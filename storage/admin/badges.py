"""Badges of rosbags."""

from common.admin.badges import Tone, badge
from storage.choices import Status
from storage.models import Rosbag

TONES: dict[str, Tone] = {
    Status.READY: "ok",
    Status.READY_WITH_WARNINGS: "warn",
    Status.REPAIRED: "warn",
    Status.REJECTED: "bad",
}


def status_badge(rosbag: Rosbag) -> str:
    """Return the badge of a rosbag's status."""
    return badge(TONES.get(rosbag.status, "run"), rosbag.get_status_display())

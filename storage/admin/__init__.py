"""Admin of rosbags and exports."""

from storage.admin.exports import ExportAdmin
from storage.admin.rosbags.page import RosbagAdmin

__all__ = ["ExportAdmin", "RosbagAdmin"]

"""Admin of rosbags and exports."""

from storage.admin.exports import ExportAdmin
from storage.admin.index import RosbagFileAdmin, RosbagTopicAdmin
from storage.admin.rosbags import RosbagAdmin

__all__ = ["ExportAdmin", "RosbagAdmin", "RosbagFileAdmin", "RosbagTopicAdmin"]

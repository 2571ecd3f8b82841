"""The console's pages of rosbags."""

from storage.admin.index import RosbagFileAdmin, RosbagTopicAdmin
from storage.admin.rosbags import RosbagAdmin

__all__ = ["RosbagAdmin", "RosbagFileAdmin", "RosbagTopicAdmin"]

"""Admin of templates."""

from templates.admin import pages, rosbag_links

__all__ = ["pages", "rosbag_links"]

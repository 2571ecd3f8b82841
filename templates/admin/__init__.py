"""Admin of templates."""

from templates.admin import next_steps, pages, rosbag_links

__all__ = ["next_steps", "pages", "rosbag_links"]

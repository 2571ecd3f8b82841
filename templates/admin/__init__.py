"""Admin of templates."""

from templates.admin import next_steps, pages

__all__ = ["next_steps", "pages"]

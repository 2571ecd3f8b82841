"""Admin of templates."""

from templates.admin import next_steps, pages, related

__all__ = ["next_steps", "pages", "related"]

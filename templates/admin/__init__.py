"""Admin of templates."""

from templates.admin import pages

__all__ = ["pages"]

"""The console's pages of the audit, and the histories of rows, which are made of it."""

from accounts.admin.audit import page

__all__ = ["page"]

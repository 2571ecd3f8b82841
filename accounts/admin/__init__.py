"""The console's pages of accounts."""

from accounts.admin import security, users

__all__ = ["security", "users"]

"""The console: pages of accounts, and what the pages of all apps share."""

from accounts.admin import people

__all__ = ["people"]

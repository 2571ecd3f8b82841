"""The console's pages of accounts."""

from accounts.admin import api_tokens, audit, users

__all__ = ["api_tokens", "audit", "users"]

"""API tokens: creation and revocation."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from accounts.choices import Scope
from accounts.models import ApiToken, User
from accounts.services.bearers import api_token


def new_nonce() -> str:
    """Return a random text for `create`."""
    return secrets.token_urlsafe(32)


def create(
    user: User,
    *,
    name: str,
    scopes: Iterable[Scope],
    expires_at: datetime | None = None,
    nonce: str | None = None,
) -> tuple[ApiToken, str]:
    """Create an API token.

    Returns:
        The row, and the secret, which is not stored; `api_token` makes it again of the nonce.
    """
    secret, prefix, digest = api_token(nonce or new_nonce())
    requested = set(scopes)
    row = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        digest=digest,
        scopes=[str(scope) for scope in Scope if scope in requested],
        expires_at=expires_at,
    )
    return row, secret


def revoke(rows: QuerySet[ApiToken]) -> int:
    """Revoke tokens immediately, except those already revoked.

    Returns:
        The number of revoked tokens.
    """
    count = 0
    for row in rows.filter(revoked_at=None):
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])  # one by one, so that each is audited
        count += 1
    return count

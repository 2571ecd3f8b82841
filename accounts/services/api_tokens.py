"""Tokens of programs: made, shown once, revoked."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from accounts.choices import Scope
from accounts.models import ApiToken, User
from accounts.services.bearers import new_api_token


def create(
    user: User, *, name: str, scopes: Iterable[Scope], expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token for a program of this user; the second is the secret, which nobody sees again."""
    secret, prefix, digest = new_api_token()
    wanted = set(scopes)
    row = ApiToken.objects.create(
        user=user,
        name=name,
        prefix=prefix,
        digest=digest,
        scopes=[str(scope) for scope in Scope if scope in wanted],
        expires_at=expires_at,
    )
    return row, secret


def revoke(rows: QuerySet[ApiToken]) -> int:
    """End tokens at once; those that were revoked before stay as they are. The answer is how many."""
    ended = 0
    for row in rows.filter(revoked_at=None):
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])  # one by one, so that the audit sees each
        ended += 1
    return ended

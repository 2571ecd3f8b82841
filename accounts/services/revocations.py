"""Sign-ins that have ended while access tokens of theirs may still be valid.

The row is in the database and read together with the user, so that it counts while Redis is away.
"""

from datetime import timedelta

from django.db.models import Exists, Q
from django.utils import timezone

from accounts.models import RevokedSignIn

KEPT = timedelta(days=1, hours=1)
"""Longer than an access token may live: ACCESS_TOKEN_EXPIRE_MINUTES is at most a day."""


def revoke(sign_in: str) -> None:
    """Refuse the access tokens of a sign-in from now on; repeating this is no error."""
    RevokedSignIn.objects.bulk_create([RevokedSignIn(name=sign_in)], ignore_conflicts=True)


def is_revoked(sign_in: str) -> Exists:
    """Return a condition for queries: this sign-in is revoked."""
    return Exists(RevokedSignIn.objects.filter(name=sign_in))


def valid(sign_in: str) -> Q:
    """Return a filter for users: this sign-in is not revoked."""
    return Q(~is_revoked(sign_in))


def prune() -> int:
    """Delete rows whose tokens have all expired and return their number."""
    return RevokedSignIn.objects.filter(revoked_at__lt=timezone.now() - KEPT).delete()[0]

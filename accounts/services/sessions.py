"""Signing in, staying signed in, signing out: access tokens by refresh tokens."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import tokens
from accounts.exceptions import (
    RefreshRefusedError,
    SignInLockedError,
    SignInRefusedError,
    SignInStoreAwayError,
)
from accounts.models import User
from accounts.services.bearers import issue_access
from accounts.services.callers import device, seconds_locked, tried_name

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """What somebody gets who has signed in."""

    user: User
    access: str
    expires_at: datetime
    refresh: str
    refresh_expires_at: datetime


def check_password(request: HttpRequest, email: str, password: str) -> User:
    """Find the active user with this address and password; wrong ones are counted.

    Raises:
        SignInRefusedError: there is none; which of the two is wrong is not told.
        SignInLockedError: there were too many wrong passwords.
    """
    user = authenticate(request, username=email, password=password)
    if getattr(request, "axes_locked_out", False):
        request.axes_locked_out = False  # type: ignore[attr-defined]  # answered here, not by a page
        raise SignInLockedError(seconds_locked(request, tried_name(request, {"username": email})))
    if not isinstance(user, User):
        raise SignInRefusedError
    return user


def sign_in(request: HttpRequest, email: str, password: str) -> SignedIn:
    """Begin a sign-in on one device; `request` is Django's own, for the caller's address.

    Raises:
        SignInRefusedError: the address or the password is wrong, or the account is switched off.
        SignInLockedError: there were too many wrong passwords.
        SignInStoreAwayError: Redis does not answer.
    """
    user = check_password(request, email, password)
    begun = tokens.begin(user.pk, user.get_session_auth_hash(), device(request))
    user_logged_in.send(sender=User, request=request, user=user)
    return _signed_in(user, begun)


def refresh(token: str) -> SignedIn:
    """Exchange a refresh token for new tokens; those who come with it at once all get the same.

    Raises:
        RefreshRefusedError: it does not hold, or the account is closed, gone or has another password.
        SignInStoreAwayError: Redis does not answer.
    """
    family = tokens.find(token)
    user = User.objects.filter(pk=family.user_id, is_active=True).first()
    if user is None or not constant_time_compare(family.stamp, user.get_session_auth_hash()):
        tokens.end(family.user_id, family.name)
        raise RefreshRefusedError
    return _signed_in(user, tokens.rotate(token, family))


def sign_out(token: str) -> None:
    """End the sign-in that a refresh token belongs to; one that does not hold is no error.

    Raises:
        SignInStoreAwayError: Redis does not answer.
    """
    try:
        family = tokens.find(token)
    except RefreshRefusedError:
        return
    tokens.end(family.user_id, family.name)


def sign_ins(user: User) -> list[tokens.Family]:
    """The living sign-ins of a user. Raises SignInStoreAwayError."""
    return [
        family
        for family in tokens.families(user.pk)
        if constant_time_compare(family.stamp, user.get_session_auth_hash())
    ]


def end_one(user: User, name: str) -> bool:
    """End one sign-in of a user; False when there is none of this name. Raises SignInStoreAwayError."""
    return tokens.end(user.pk, name)


def end_all(user: User) -> None:
    """End all sign-ins, access tokens and console sessions of a user; Redis is not needed for it."""
    User.objects.filter(pk=user.pk).update(generation=F("generation") + 1)
    user.refresh_from_db(fields=["generation"])
    forget(user.pk)


def forget(user_id: int) -> None:
    """Clear what Redis holds of sign-ins that have ended already by a change of the account."""
    try:
        tokens.end_all(user_id)
    except SignInStoreAwayError:
        log.warning("sign_ins_not_cleared", user=user_id)


def _signed_in(user: User, held: tokens.Refresh) -> SignedIn:
    access, expires_at = issue_access(user, held.name)
    return SignedIn(user, access, expires_at, held.token, held.expires_at)

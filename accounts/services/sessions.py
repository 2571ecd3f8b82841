"""Sign-in, refresh and sign-out: access tokens and refresh tokens."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts import tokens
from accounts.choices import AuditAction
from accounts.exceptions import (
    RefreshRefusedError,
    SignInLockedError,
    SignInRefusedError,
    SignInStoreUnavailableError,
)
from accounts.models import User
from accounts.services import revocations
from accounts.services.audit import record_action
from accounts.services.bearers import issue_access
from accounts.services.callers import attempted_username, device, seconds_locked

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SignedIn:
    """A user and the tokens of a sign-in."""

    user: User
    access: str
    expires_at: datetime
    refresh: str
    refresh_expires_at: datetime


def check_password(request: HttpRequest, email: str, password: str) -> User:
    """Return the active user with this address and password; wrong passwords are counted.

    Raises:
        SignInRefusedError: there is none; the error does not reveal which of the two is wrong.
        SignInLockedError: there were too many wrong passwords.
    """
    user = authenticate(request, username=email, password=password)
    if getattr(request, "axes_locked_out", False):
        request.axes_locked_out = False  # type: ignore[attr-defined]  # else django-axes would respond with its page
        raise SignInLockedError(
            seconds_locked(request, attempted_username(request, {"username": email}))
        )
    if not isinstance(user, User):
        raise SignInRefusedError
    return user


def sign_in(request: HttpRequest, email: str, password: str) -> SignedIn:
    """Sign in on one device; `request` is Django's, for the client's address.

    Raises:
        SignInRefusedError: the address or the password is wrong, or the account is deactivated.
        SignInLockedError: there were too many wrong passwords.
        SignInStoreUnavailableError: Redis is unavailable.
    """
    user = check_password(request, email, password)
    token = tokens.begin(user.pk, user.get_session_auth_hash(), device(request))
    user_logged_in.send(sender=User, request=request, user=user)
    return _signed_in(user, token)


def refresh(token: str) -> SignedIn:
    """Exchange a refresh token for new tokens; parallel calls with the same one all get the same.

    Raises:
        RefreshRefusedError: it is invalid, was used before, or its sign-in or account has ended.
        SignInStoreUnavailableError: Redis is unavailable.
    """
    family = tokens.find(token)
    active = User.objects.filter(revocations.valid(family.name), is_active=True)
    user = active.filter(pk=family.user_id).first()
    if user is None or not constant_time_compare(family.stamp, user.get_session_auth_hash()):
        tokens.end(family.user_id, family.name)
        raise RefreshRefusedError
    try:
        return _signed_in(user, tokens.rotate(token, family))
    except RefreshRefusedError:
        _end(family.user_id, family.name)
        raise


def sign_out(token: str) -> None:
    """End the sign-in of a refresh token and its access tokens; an invalid token is no error.

    Raises:
        SignInStoreUnavailableError: Redis is unavailable.
    """
    try:
        family = tokens.find(token)
    except RefreshRefusedError:
        return
    _end(family.user_id, family.name)


def sign_ins(user: User) -> list[tokens.Family]:
    """Return the active sign-ins of a user. Raises SignInStoreUnavailableError."""
    return [
        family
        for family in tokens.families(user.pk)
        if constant_time_compare(family.stamp, user.get_session_auth_hash())
    ]


def end_one(user: User, name: str) -> bool:
    """End one sign-in of a user; False when there is none. Raises SignInStoreUnavailableError."""
    if not tokens.has(user.pk, name):
        return False
    _end(user.pk, name)
    return True


def end_all(user: User) -> None:
    """End all sign-ins, access tokens and console sessions of a user, even if Redis is unavailable."""
    User.objects.filter(pk=user.pk).update(generation=F("generation") + 1)
    record_action(user, AuditAction.SIGN_OUT)
    user.refresh_from_db(fields=["generation"])
    delete_ended(user.pk)


def delete_ended(user_id: int) -> None:
    """Delete sign-ins in Redis that a change of the account has ended already."""
    try:
        tokens.end_all(user_id)
    except SignInStoreUnavailableError:
        log.warning("sign_ins_not_cleared", user=user_id)


def _end(user_id: int, name: str) -> None:
    """End a sign-in: first its access tokens, so that a call that failed midway can be repeated."""
    revocations.revoke(name)
    tokens.end(user_id, name)


def _signed_in(user: User, token: tokens.RefreshToken) -> SignedIn:
    access, expires_at = issue_access(user, token.family)
    return SignedIn(user, access, expires_at, token.token, token.expires_at)

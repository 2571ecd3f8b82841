"""From where a request comes, and what happens to those who try passwords.

django-axes counts wrong passwords by account and address, for the API and the console alike; the settings
name the functions here.
"""

import math
from ipaddress import IPv6Address, ip_address
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from accounts.tokens import Device

LONGEST_NAME = 255


def client_address(request: HttpRequest) -> str | None:
    """The address of whoever sent a request; None when it is unknown, as on a unix socket.

    With TRUSTED_PROXIES n it is the n-th last of X-Forwarded-For: what stands before it anybody may write.
    """
    proxies: int = settings.TRUSTED_PROXIES
    found = request.META.get("REMOTE_ADDR", "")
    if proxies:
        chain = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        found = chain[-min(proxies, len(chain))].strip() or found
    try:
        return str(ip_address(found))
    except ValueError:
        return None


def client_network(request: HttpRequest) -> str | None:
    """By what callers are counted: the address; of IPv6 the first half, for everybody has all of the rest."""
    known = client_address(request)
    if known is None or not isinstance(found := ip_address(known), IPv6Address):
        return known
    mapped = found.ipv4_mapped
    return str(mapped or IPv6Address(int(found) >> 64 << 64))


def device(request: HttpRequest) -> Device:
    """What a list of sign-ins tells about this one."""
    return Device(request.headers.get("User-Agent", ""), client_address(request) or "")


def tried_name(_request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The account that somebody tried to enter, in one spelling."""
    given = (credentials or {}).get("username") or ""
    return User.objects.normalize_email(str(given)).replace("\0", "")[:LONGEST_NAME]


def seconds_locked(request: HttpRequest, name: str) -> int:
    """How long an account stays locked for this caller, in whole seconds, at least one."""
    attempts = AccessAttempt.objects.filter(username=name, ip_address=client_network(request))
    last = attempts.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    left: float = (last + get_cool_off(request) - timezone.now()).total_seconds()
    return max(1, math.ceil(left))


def unlock(user: User) -> None:
    """Forget the wrong passwords that were tried for an account."""
    reset(username=user.email)

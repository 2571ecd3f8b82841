"""Client addresses, and the lock after too many wrong passwords.

django-axes counts wrong passwords by account and address, for the API and the console together; the settings
refer to functions of this module.
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

MAX_USERNAME_LENGTH = 255


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address; None when it is unknown, as on a unix socket.

    With TRUSTED_PROXIES n it is the n-th last of X-Forwarded-For: clients can forge those before it.
    """
    proxies: int = settings.TRUSTED_PROXIES
    address = request.META.get("REMOTE_ADDR", "")
    if proxies:
        chain = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        address = chain[-min(proxies, len(chain))].strip() or address
    try:
        return str(ip_address(address))
    except ValueError:
        return None


def client_network(request: HttpRequest) -> str | None:
    """Return the address that clients are counted by: of IPv6 the /64 network, which one client owns."""
    text = client_address(request)
    if text is None or not isinstance(address := ip_address(text), IPv6Address):
        return text
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def device(request: HttpRequest) -> Device:
    """Describe the client's device for the list of sign-ins."""
    return Device(request.headers.get("User-Agent", ""), client_address(request) or "")


def attempted_username(_request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Return the normalized e-mail address of an attempted sign-in."""
    username = (credentials or {}).get("username") or ""
    return User.objects.normalize_email(str(username)).replace("\0", "")[:MAX_USERNAME_LENGTH]


def seconds_locked(request: HttpRequest, name: str) -> int:
    """Return for how many seconds an account stays locked for this client, at least one."""
    attempts = AccessAttempt.objects.filter(username=name, ip_address=client_network(request))
    last = attempts.aggregate(last=Max("attempt_time"))["last"] or timezone.now()
    remaining: float = (last + get_cool_off(request) - timezone.now()).total_seconds()
    return max(1, math.ceil(remaining))


def unlock(user: User) -> None:
    """Delete the count of wrong passwords of an account."""
    reset(username=user.email)

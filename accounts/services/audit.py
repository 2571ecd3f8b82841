"""Who did what: django-auditlog notes the changes, this names the one who made them.

The library's own middleware looks at the user before a bearer's token is read, believes any
X-Forwarded-For, and connects a signal receiver for each request; hence `accounts.middleware`.
"""

from contextvars import ContextVar
from typing import Any

from auditlog.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import User
from accounts.services.bearers import Bearer
from accounts.services.callers import client_address

current_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)
"""The request that is being answered; the middleware sets it."""


def record_change(instance: Model, **changes: tuple[Any, Any]) -> None:
    """Record a change that was made by `QuerySet.update`, which sends no signal.

    Each change is what a field was and what it is; those that are alike are left out.
    """
    told = {
        name: [str(before), str(after)]
        for name, (before, after) in changes.items()
        if before != after
    }
    if told:
        LogEntry.objects.log_create(instance, action=LogEntry.Action.UPDATE, changes=told)


def name_actor(instance: LogEntry, **_signal: Any) -> None:
    """Receiver: put the request's user, token and address into a new entry."""
    request = current_request.get()
    if request is None or instance.pk is not None:
        return
    user = getattr(request, "user", None)
    if instance.actor is None and isinstance(user, User):
        instance.actor = user
        instance.actor_email = user.email
    instance.remote_addr = client_address(request)
    shown = getattr(request, "auth", None)  # what the REST framework keeps of a token
    if isinstance(shown, Bearer) and shown.token_id is not None:
        instance.additional_data = {"token": shown.token_id}

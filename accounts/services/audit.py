"""Who did what: django-auditlog notes the changes, this names the one who made them.

The library's own middleware looks at the user before a bearer's token is read, believes any
X-Forwarded-For, and connects a signal receiver for each request; hence this one.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from asgiref.sync import iscoroutinefunction
from auditlog.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from accounts.models import User
from accounts.services.bearers import Bearer
from accounts.services.callers import client_address

_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)


@sync_and_async_middleware
def remember_request(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware: while a request is answered, what is changed is changed by its user."""
    if iscoroutinefunction(get_response):

        async def waiting(request: HttpRequest) -> HttpResponseBase:
            held = _request.set(request)
            try:
                answer: Awaitable[HttpResponseBase] = get_response(request)
                return await answer
            finally:
                _request.reset(held)

        return waiting

    def plain(request: HttpRequest) -> HttpResponseBase:
        held = _request.set(request)
        try:
            response: HttpResponseBase = get_response(request)
            return response
        finally:
            _request.reset(held)

    return plain


def note(instance: Model, **changes: tuple[Any, Any]) -> None:
    """Write down a change that was made by `QuerySet.update`, which sends no signal.

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
    request = _request.get()
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

"""Audit log: django-auditlog records changes, this module adds their author.

The library's own middleware reads the user before the bearer token is checked, trusts any X-Forwarded-For,
and connects a signal receiver for each request; hence `accounts.middleware`.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from auditlog.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from accounts.choices import ACTION_NUMBERS, AuditAction
from accounts.models import User
from accounts.services.bearers import Bearer
from accounts.services.callers import client_address

current_request: ContextVar[HttpRequest | None] = ContextVar("audited_request", default=None)
"""The current request; set by the middleware."""


def record_change(instance: Model, **changes: tuple[Any, Any]) -> None:
    """Record a change made by `QuerySet.update`, which sends no signal.

    Args:
        instance: the changed row.
        changes: old and new value by field; equal ones are left out.
    """
    different = {
        name: [str(before), str(after)]
        for name, (before, after) in changes.items()
        if before != after
    }
    if different:
        LogEntry.objects.log_create(instance, action=LogEntry.Action.UPDATE, changes=different)


def record_action(
    instance: Model,
    action: AuditAction,
    actor: User | None = None,
    *,
    name: str = "",
    **values: Any,
) -> None:
    """Record an action that changes no field of a row, such as a start.

    Args:
        instance: the row that it was done to.
        action: the action.
        actor: its author; None: that of the request, or a program on the server.
        name: name of the row for people, where it is not the row as text.
        values: what the sentence about it needs, as JSON values.
    """
    LogEntry.objects.log_create(
        instance,
        force_log=True,
        action=ACTION_NUMBERS[action],
        actor=actor,
        actor_email=actor.email if actor else None,
        additional_data=values or None,
        object_repr=name or str(instance),
    )


class Histories:
    """Conditions for entries that belong to the history of a row beside its own; other apps add some."""

    def __init__(self) -> None:
        self._conditions: dict[type[Model], Callable[[Any], Q]] = {}
        self.more_models: set[type[Model]] = set()
        """Models of which no change of a field is recorded, only actions."""

    def register(self, model: type[Model], condition: Callable[[Any], Q]) -> None:
        """Add entries to the histories of a model's rows."""
        self._conditions[model] = condition

    def entries(self, row: Model) -> QuerySet[LogEntry]:
        """Return the entries about a row, the newest first."""
        own = Q(content_type=ContentType.objects.get_for_model(row), object_pk=str(row.pk))
        condition = self._conditions.get(type(row))
        rows = LogEntry.objects.filter(own | condition(row) if condition else own)
        entries: QuerySet[LogEntry] = rows.select_related("actor").order_by("-pk")
        return entries


histories = Histories()


def name_actor(instance: LogEntry, **_signal: Any) -> None:
    """Add the user, token and address of the request to a new entry; a signal receiver."""
    request = current_request.get()
    if request is None or instance.pk is not None:
        return
    user = getattr(request, "user", None)
    if instance.actor is None and isinstance(user, User):
        instance.actor = user
        instance.actor_email = user.email
    instance.remote_addr = client_address(request)
    bearer = getattr(request, "auth", None)  # set by REST framework
    if isinstance(bearer, Bearer) and bearer.token_id is not None:
        instance.additional_data = {**(instance.additional_data or {}), "token": bearer.token_id}

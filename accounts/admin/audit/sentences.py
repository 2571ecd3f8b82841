"""Entries of the audit as sentences: who did what to which thing."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from auditlog.models import LogEntry
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.text import Truncator, capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin.audit.parts import part_changes
from accounts.choices import ACTION_NUMBERS, AuditAction
from common.admin.times import exact

BY_NUMBER = {number: action for action, number in ACTION_NUMBERS.items()}
MAX_FIELDS = 4
MAX_VALUE = 120
MAX_NAME = 80
EMPTY = {"None", "", "[]", "{}"}
UNSHOWN = {"id", "executions_made"}
TEXTS = {
    AuditAction.CREATE: gettext_lazy("%(kind)s %(name)s was created"),
    AuditAction.UPDATE: gettext_lazy("%(kind)s %(name)s: %(fields)s changed"),
    AuditAction.DELETE: gettext_lazy("%(kind)s %(name)s was deleted permanently"),
    AuditAction.ACCESS: gettext_lazy("%(kind)s %(name)s was viewed"),
    AuditAction.START: gettext_lazy("execution %(name)s was started"),
    AuditAction.START_AGAIN: gettext_lazy(
        "execution %(name)s was started with the plan of an earlier one"
    ),
    AuditAction.STOP: gettext_lazy("execution %(name)s was stopped"),
    AuditAction.SIGN_OUT: gettext_lazy("%(name)s was signed out on all devices"),
    AuditAction.UNLOCK: gettext_lazy("%(name)s was unlocked"),
}
"""Sentences by action; each is complete, as the order of words differs by language."""


def action_of(entry: LogEntry) -> AuditAction | None:
    """Return the action of an entry; None: another version wrote it."""
    return BY_NUMBER.get(entry.action)


def who(entry: LogEntry) -> str:
    """Name the author: a person, a person's token, or a program on the server."""
    email = entry.actor_email or (entry.actor.email if entry.actor else "")
    if not email:
        return _("a program on the server")
    if (entry.additional_data or {}).get("token"):
        return _("%(person)s, by an API token") % {"person": email}
    return str(email)


def kind_of(entry: LogEntry) -> str:
    """Return the kind of thing that an entry is about, in words."""
    content_type = ContentType.objects.get_for_id(entry.content_type_id)  # cached
    model = content_type.model_class()
    return str(model._meta.verbose_name if model else content_type.model)  # noqa: SLF001


def sentence(entry: LogEntry) -> str:
    """Say what was done, as plain text."""
    values = {
        "kind": kind_of(entry),
        "name": Truncator(entry.object_repr).chars(MAX_NAME),
        "fields": _field_list(entry),
    }
    return _text(entry) % values


def _text(entry: LogEntry) -> str:
    """Return the pattern of a sentence."""
    action, values = action_of(entry), entry.additional_data or {}
    changes = entry.changes_dict
    if action is AuditAction.UPDATE and set(changes) == {"deleted_at"}:
        restored = changes["deleted_at"][1] in EMPTY
        return (
            _("%(kind)s %(name)s was restored") if restored else _("%(kind)s %(name)s was deleted")
        )
    if action is AuditAction.TEST:
        return _tested(values)
    if action is AuditAction.STOP and values.get("stopper"):
        return _("execution %(name)s was stopped by the system")
    return str(TEXTS[action or AuditAction.UPDATE])


def _tested(values: dict[str, Any]) -> str:
    reachable = values.get("reachable")
    if reachable is None:
        return _("system under test %(name)s was tested")
    if reachable:
        return _("system under test %(name)s was tested: reachable")
    return _("system under test %(name)s was tested: unreachable")


def _field_list(entry: LogEntry) -> str:
    names = [label(entry, name) for name in entry.changes_dict]
    more = ", …" if len(names) > MAX_FIELDS else ""
    return ", ".join(names[:MAX_FIELDS]) + more


def label(entry: LogEntry, name: str) -> str:
    """Return the name of a changed field in words."""
    field = _field(entry, name)
    related = getattr(field, "related_model", None)
    of_parts = related._meta.verbose_name_plural if related else name  # noqa: SLF001  as above
    return str(getattr(field, "verbose_name", of_parts))


def _field(entry: LogEntry, name: str) -> Any:
    """Return the field of this name; None: another version had it."""
    model = _model(entry)
    try:
        return model._meta.get_field(name) if model else None  # noqa: SLF001  as documented by Django
    except FieldDoesNotExist:
        return None


def _model(entry: LogEntry) -> type[Model] | None:
    content_type = ContentType.objects.get_for_id(entry.content_type_id)
    try:
        return apps.get_model(content_type.app_label, content_type.model)
    except LookupError:
        return None


def changes(entry: LogEntry) -> list[dict[str, str]]:
    """Return each changed field with its old and new value, without what was empty and still is."""
    rows = []
    for name, values in entry.changes_dict.items():
        before, after = values if isinstance(values, list) and len(values) == 2 else ("", values)  # noqa: PLR2004
        if name not in UNSHOWN and not (_is_empty(before) and _is_empty(after)):
            field = _field(entry, name)
            texts = part_changes(before, after, field) or (
                _value(before, field),
                _value(after, field),
            )
            rows.append({"field": label(entry, name), "before": texts[0], "after": texts[1]})
    return rows


def _is_empty(value: Any) -> bool:
    """Tell whether a value is none; django-auditlog writes `app.Model.None` for rows that refer to it."""
    return str(value) in EMPTY or str(value).endswith(".None")


def _value(value: Any, field: Any) -> str:
    """Show a stored value as pages show it: by its label, a time in the zone of the reader."""
    if _is_empty(value):
        return "-"
    text = str(value)
    labels = {str(key): str(words) for key, words in getattr(field, "flatchoices", ())}
    if text in labels:
        return labels[text]
    if isinstance(field, DateTimeField) and (when := _time(text)) is not None:
        return exact(when)
    return {"True": _("yes"), "False": _("no")}.get(text) or Truncator(text).chars(MAX_VALUE)


def _time(text: str) -> datetime | None:
    """Read a time, which django-auditlog writes in UTC without saying so."""
    with suppress(ValueError):
        when = datetime.fromisoformat(text)
        return when if when.tzinfo else when.replace(tzinfo=UTC)
    return None


def linked(entry: LogEntry) -> str:
    """Show the sentence as a link to the thing."""
    return _link(entry, capfirst(sentence(entry)))


def thing(entry: LogEntry) -> str:
    """Show the name of the thing as a link to it."""
    return _link(entry, Truncator(entry.object_repr).chars(MAX_NAME))


def _link(entry: LogEntry, text: str) -> str:
    """Link to the page of the thing, if it has one and was not deleted."""
    url = "" if action_of(entry) is AuditAction.DELETE else thing_url(entry)
    return format_html('<a href="{}">{}</a>', url, text) if url else text


def thing_url(entry: LogEntry) -> str:
    """Return the address of the page of the thing; empty if there is none."""
    content_type = ContentType.objects.get_for_id(entry.content_type_id)
    name = f"admin:{content_type.app_label}_{content_type.model}_change"
    try:
        return reverse(name, args=[entry.object_pk])
    except NoReverseMatch:
        return ""

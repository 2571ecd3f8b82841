"""Filters of the audit: who, what was done, to which kind of thing, and when."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from auditlog.models import LogEntry
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.choices import ACTION_NUMBERS, AuditAction
from accounts.models import User

MAX_PEOPLE = 100
"""People that the filter lists; the search finds all."""
NOBODY = "none"


class WhoFilter(admin.SimpleListFilter):
    """Filter by the author."""

    title = _("who")
    parameter_name = "who"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        people = User.objects.order_by("email").values_list("pk", "email")[:MAX_PEOPLE]
        return [*((str(pk), email) for pk, email in people), (NOBODY, _("a program on the server"))]

    def queryset(self, _request: HttpRequest, rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        value = self.value()
        if value is None:
            return rows
        if value == NOBODY:
            return rows.filter(actor=None, actor_email=None)
        return rows.filter(actor=int(value)) if value.isdecimal() else rows.none()


class ActionFilter(admin.SimpleListFilter):
    """Filter by what was done."""

    title = _("action")
    parameter_name = "did"

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        return [choice for choice in AuditAction.choices if choice[0] != AuditAction.ACCESS]

    def queryset(self, _request: HttpRequest, rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        value = self.value()
        if value is None:
            return rows
        known = value in AuditAction.values
        return rows.filter(action=ACTION_NUMBERS[AuditAction(value)]) if known else rows.none()


class KindFilter(admin.SimpleListFilter):
    """Filter by the kind of thing."""

    title = _("kind of thing")
    parameter_name = "kind"

    def lookups(self, _request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            (label, capfirst(str(model._meta.verbose_name)))  # noqa: SLF001
            for label, model in model_admin.kinds().items()
        ]

    def queryset(self, _request: HttpRequest, rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        value = self.value()
        if value is None:
            return rows
        app_label, _dot, model = value.partition(".")
        kinds = ContentType.objects.filter(app_label=app_label, model=model)
        return rows.filter(content_type__in=list(kinds))


class PeriodFilter(admin.SimpleListFilter):
    """Filter by time: days of the reader's zone, both included, as `from` and `to`."""

    title = _("time")
    parameter_name = "from"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        if "to" in params:
            self.used_parameters["to"] = params.pop("to")[-1]

    def expected_parameters(self) -> list[str | None]:
        return ["from", "to"]

    def lookups(self, _request: HttpRequest, _admin: Any) -> list[tuple[str, Any]]:
        today = timezone.localdate()
        return [
            (str(today), _("Today")),
            (str(today - timedelta(days=6)), _("Last 7 days")),
            (str(today - timedelta(days=29)), _("Last 30 days")),
        ]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Offer some periods; a chosen one that is none of them is shown as well."""
        begin, end = self.value() or "", self.used_parameters.get("to", "")
        yield {
            "selected": not (begin or end),
            "query_string": changelist.get_query_string(remove=["from", "to"]),
            "display": _("Any time"),
        }
        offered = False
        for value, title in self.lookup_choices:
            selected = value == begin and not end
            offered |= selected
            query = changelist.get_query_string({"from": value}, ["to"])
            yield {"selected": selected, "query_string": query, "display": title}
        if (begin or end) and not offered:
            query = changelist.get_query_string()
            yield {"selected": True, "query_string": query, "display": f"{begin} … {end}"}

    def queryset(self, _request: HttpRequest, rows: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        begin, end = _day(self.value()), _day(self.used_parameters.get("to"))
        if begin:
            rows = rows.filter(timestamp__gte=_midnight(begin))
        if end and end < date.max:
            rows = rows.filter(timestamp__lt=_midnight(end + timedelta(days=1)))
        return rows


def _day(text: str | None) -> date | None:
    """Parse a day; None if there is none, or it is not one."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))

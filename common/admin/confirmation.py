"""The page that asks before an action on rows: what will happen, to which rows, and which are skipped."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from common.admin.kept_lists import MAX_ROWS

MAX_NAMES = 50
"""Rows that are named; of the others the page shows the number."""
Refusals = dict[Any, str]
"""Why an action would be refused now, by primary key."""


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the person has seen the page and goes on."""
    return bool(request.POST.get("post"))


def confirm(
    model_admin: Any,
    request: HttpRequest,
    queryset: QuerySet[Any],
    *,
    action: str,
    effect: Any,
    refusals: Any = None,
) -> HttpResponse | None:
    """Ask before an action; `refusals` returns those of the rows that would be refused.

    Returns:
        The page; nothing, and a message on the list, where too many rows are selected.
    """
    rows = list(queryset[: MAX_ROWS + 1])
    if len(rows) > MAX_ROWS:
        text = _("Nothing was done: select at most %(max)d rows.") % {"max": MAX_ROWS}
        model_admin.message_user(request, text, messages.ERROR)
        return None
    reasons: Refusals = refusals(rows) if refusals else {}
    taken = [row for row in rows if row.pk not in reasons]
    skipped = [(row, reasons[row.pk]) for row in rows if row.pk in reasons]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": description(model_admin, action),
        "effect": effect,
        "rows": taken,
        "named": taken[:MAX_NAMES],
        "more": len(taken[MAX_NAMES:]),
        "skipped": skipped[:MAX_NAMES],
        "skipped_count": len(skipped),
        "action": action,
    }
    return TemplateResponse(request, "common/console/confirm.html", context)


def description(model_admin: Any, action: str) -> str:
    """Return the name of an action as its list shows it."""
    names = {"verbose_name_plural": model_admin.opts.verbose_name_plural}
    return str(model_admin.get_action(action)[2] % names)

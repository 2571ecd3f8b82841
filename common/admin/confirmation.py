"""The page that asks before an action on rows: what will happen, to which rows, and which are skipped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from common.admin.changelists import is_changelist
from common.admin.kept_lists import MAX_ROWS
from common.exceptions import FieldError

MAX_NAMES = 50
"""Rows that are named; of the others the page shows the number."""
MAX_REASONS = 3
"""Reasons that are shown of each row that is skipped."""
Refusals = dict[Any, str]
"""Why an action would be refused now, by primary key."""


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the person has seen the page and goes on."""
    return bool(request.POST.get("post"))


def asks_in_list(request: HttpRequest) -> bool:
    """Tell whether to ask before an action that the page of one row offers as a button, without asking."""
    return is_changelist(request) and not is_confirmed(request)


@dataclass(frozen=True)
class Question:
    """Contents of the page."""

    action: str
    effect: Any
    """Sentence on what will happen."""
    refusals: Callable[[list[Any]], Refusals] | None = None
    """Finds those of the rows that would be refused."""
    tone: str = "halt"
    """Class of the button that goes on."""
    with_uses: bool = False
    """Name what uses each row."""


def confirm(
    model_admin: Any, request: HttpRequest, queryset: QuerySet[Any], question: Question
) -> HttpResponse | None:
    """Ask before an action.

    Returns:
        The page; nothing, and a message on the list, where too many rows are selected.
    """
    rows = list(queryset[: MAX_ROWS + 1])
    if len(rows) > MAX_ROWS:
        text = _("Nothing was done: select at most %(max)d rows.") % {"max": MAX_ROWS}
        model_admin.message_user(request, text, messages.ERROR)
        return None
    reasons: Refusals = question.refusals(rows) if question.refusals else {}
    taken = [row for row in rows if row.pk not in reasons]
    skipped = [(row, reasons[row.pk]) for row in rows if row.pk in reasons]
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": description(model_admin, question.action),
        "question": question,
        "rows": taken,
        "named": taken[:MAX_NAMES],
        "more": len(taken[MAX_NAMES:]),
        "skipped": skipped[:MAX_NAMES],
        "skipped_count": len(skipped),
    }
    return TemplateResponse(request, "common/console/confirm.html", context)


def description(model_admin: Any, action: str) -> str:
    """Return the name of an action as its list shows it."""
    names = {"verbose_name_plural": model_admin.opts.verbose_name_plural}
    return str(model_admin.get_action(action)[2] % names)


def reason_text(errors: Sequence[FieldError]) -> str:
    """Return the first reasons why a service would refuse a row."""
    return " ".join(error.detail for error in errors[:MAX_REASONS])

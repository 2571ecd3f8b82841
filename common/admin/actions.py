"""Admin actions that call a service, on rows of a list or on one row's page, and show what was refused."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.admin.kept_lists import MAX_ROWS
from common.admin.rights import may_run
from common.exceptions import DomainError

MAX_MESSAGES = 10
"""Errors, and links, that are shown one by one."""


def run_action(
    model_admin: Any,
    request: HttpRequest,
    queryset: QuerySet[Any],
    action: Callable[[Any], object],
    success_message: Callable[[int], str],
) -> list[Any]:
    """Call `action` with each row, then show how many succeeded and why others were refused.

    A refusal is a DomainError, as services raise them; other exceptions are not caught.

    Returns:
        The results of `action` for the rows that were not refused.
    """
    rows = list(queryset[: MAX_ROWS + 1])
    if len(rows) > MAX_ROWS:
        text = _("Nothing was done: select at most %(max)d rows.") % {"max": MAX_ROWS}
        model_admin.message_user(request, text, messages.ERROR)
        return []
    results, errors = [], []
    for row in rows:
        name = str(row)
        try:
            results.append(action(row))
        except DomainError as error:
            errors.append(
                f"“{name}”: {error}"
            )  # the quote keeps the page from capitalizing the name
    _show_errors(model_admin, request, errors)
    if results:
        model_admin.message_user(request, success_message(len(results)), messages.SUCCESS)
    return results


def _show_errors(model_admin: Any, request: HttpRequest, errors: list[str]) -> None:
    for error in errors[:MAX_MESSAGES]:
        model_admin.message_user(request, error, messages.ERROR)
    more = len(errors) - MAX_MESSAGES
    if more > 0:
        text = ngettext("%d more was refused.", "%d more were refused.", more) % more
        model_admin.message_user(request, text, messages.ERROR)


def show_links(model_admin: Any, request: HttpRequest, links: Iterable[tuple[str, str]]) -> None:
    """Show links to the first results of an action, given as pairs of URL and text."""
    first = list(links)[:MAX_MESSAGES]
    if first:
        text = format_html_join(", ", '<a href="{}">{}</a>', first)
        model_admin.message_user(request, text, messages.INFO)


def admin_url(row: Model, view: str = "change") -> str:
    """Return the URL of a row's page in the admin."""
    options = row._meta  # noqa: SLF001  as documented by Django
    return reverse(f"admin:{options.app_label}_{options.model_name}_{view}", args=[row.pk])


class ObjectActionsMixin:
    """Offer admin actions as buttons on the page of a row; for the bases, before `ModelAdmin`.

    A button needs the permissions of its action. `object_actions` selects those that make sense for a row.
    """

    change_form_template: ClassVar[Any] = "common/console/change_form.html"
    opts: Any
    admin_site: Any
    get_action: Any
    get_object: Any
    get_queryset: Any

    def object_actions(self, row: Any) -> list[str]:
        """Return the names of the actions to offer on the page of this row."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        view = self.admin_site.admin_view(self.object_action_view)
        url = path("<path:object_id>/act/<slug:action>/", view, name=name)
        return [url, *super().get_urls()]  # type: ignore[misc]

    def object_action_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Run an action on one row, then show its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not may_run(self, request, action):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        function = self.get_action(action)[0]
        response = function(self, request, self.get_queryset(request).filter(pk=row.pk))
        return response or HttpResponseRedirect(admin_url(row))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["object_actions"] = [
                {"name": name, "text": self.get_action(name)[2]}
                for name in self.object_actions(row)
                if may_run(self, request, name)
            ]
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

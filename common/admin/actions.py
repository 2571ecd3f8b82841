"""Acting from the console: on many rows by an action, on one by a button of its page; refusals in words."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.exceptions import DomainError

MOST_CHOSEN = 1000
MOST_TOLD = 10
"""Refusals that are told one by one."""


def carry_out(
    page: Any,
    request: HttpRequest,
    rows: QuerySet[Any],
    do: Callable[[Any], object],
    done: Callable[[int], str],
) -> list[Any]:
    """Do it to each row; the answer is what `do` gave for those that were not refused.

    `done` says how many it was done to. A refusal is a DomainError, as services raise them; other
    exceptions go their way.
    """
    chosen = list(rows[: MOST_CHOSEN + 1])
    if len(chosen) > MOST_CHOSEN:
        text = _("Nothing was done: choose at most %(most)d at once.") % {"most": MOST_CHOSEN}
        page.message_user(request, text, messages.ERROR)
        return []
    found, refused = [], []
    for row in chosen:
        name = str(row)
        try:
            found.append(do(row))
        except DomainError as error:
            refused.append(f"“{name}”: {error}")  # the page writes the first letter large
    _tell(page, request, refused)
    if found:
        page.message_user(request, done(len(found)), messages.SUCCESS)
    return found


def _tell(page: Any, request: HttpRequest, refused: list[str]) -> None:
    for sentence in refused[:MOST_TOLD]:
        page.message_user(request, sentence, messages.ERROR)
    more = len(refused) - MOST_TOLD
    if more > 0:
        text = ngettext("%d more was refused.", "%d more were refused.", more) % more
        page.message_user(request, text, messages.ERROR)


def links(page: Any, request: HttpRequest, found: Iterable[tuple[str, str]]) -> None:
    """Say where to go on: addresses with their texts."""
    listed = list(found)[:MOST_TOLD]
    if listed:
        page.message_user(
            request, format_html_join(", ", '<a href="{}">{}</a>', listed), messages.INFO
        )


def address_of(row: Model, view: str = "change") -> str:
    """The page of a row in the console."""
    kind = row._meta  # noqa: SLF001  as documented by Django
    return reverse(f"admin:{kind.app_label}_{kind.model_name}_{view}", args=[row.pk])


def is_admin(request: HttpRequest) -> bool:
    """Whether the user is an admin."""
    return bool(getattr(request.user, "is_superuser", False))


class Buttons:
    """Before `ModelAdmin` in the bases: actions that can be taken on the page of one row, too.

    The rights are those of the action. `buttons_of` names those that make sense for a row.
    """

    change_form_template: ClassVar[Any] = "common/console/change_form.html"
    opts: Any
    admin_site: Any
    get_action: Any
    get_object: Any
    get_queryset: Any

    def buttons_of(self, row: Any) -> list[str]:
        """Names of the actions that are offered on the page of this row."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        view = self.admin_site.admin_view(self.act_view)
        own = path("<path:object_id>/act/<slug:action>/", view, name=name)
        return [own, *super().get_urls()]  # type: ignore[misc]

    def act_view(self, request: HttpRequest, object_id: str, action: str) -> HttpResponse:
        """Take an action on one row, then show its page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        row = self.get_object(request, object_id)
        if row is None or not self._may(request, action):
            raise PermissionDenied
        answer = self.get_action(action)[0](
            self, request, self.get_queryset(request).filter(pk=row.pk)
        )
        return answer or HttpResponseRedirect(address_of(row))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **words: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context["buttons"] = [
                {"name": name, "text": self.get_action(name)[2]}
                for name in self.buttons_of(row)
                if self._may(request, name)
            ]
        answer: HttpResponse = super().render_change_form(request, context, *args, **words)  # type: ignore[misc]
        return answer

    def _may(self, request: HttpRequest, name: str) -> bool:
        """Whether the user has the rights that an action of this page asks for."""
        if name not in getattr(self, "actions", ()):
            return False
        asked = getattr(self.get_action(name)[0], "allowed_permissions", ())
        return all(getattr(self, f"has_{right}_permission")(request) for right in asked)

"""Deletion in the admin by a service, which may refuse."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from common.admin.actions import admin_url, run_action
from common.admin.confirmation import Question, Refusals, confirm, is_confirmed
from common.exceptions import DomainError
from common.in_use import UseChecks

RESTORABLE = _(
    "They are hidden and can be restored: the list shows them by its filter “Deleted”. "
    "They stay until they are removed permanently, which nothing does by itself."
)
"""Effect of a deletion that hides rows; the maintenance command `purge_deleted` removes them."""


class ServiceDeletionMixin:
    """Delete through a service; for the bases, before `ModelAdmin`, with `delete_selected` in `actions`."""

    delete_confirmation_template: Any = "common/console/delete.html"
    message_user: Any
    use_checks: UseChecks[Any] | None = None
    """Question of the service before it deletes a row, for those who have not confirmed yet."""
    deletion_effect: Any = RESTORABLE
    """Sentence on the page that asks: what happens to the rows, and whether it can be undone."""

    def delete_row(self, request: HttpRequest, row: Any) -> object:
        """Delete one row by calling its service."""
        raise NotImplementedError

    def deleted_message(self, count: int) -> str:
        """Return the message for this many deleted rows."""
        raise NotImplementedError

    def deletion_refusals(self, rows: list[Any]) -> Refusals:
        """Return why rows cannot be deleted now, by primary key."""
        if self.use_checks is None:
            return {}
        reasons = {row.pk: self.use_checks.reason(row) for row in rows}
        return {pk: reason for pk, reason in reasons.items() if reason}

    @admin.action(description=_("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask first, naming what is in use; then delete what the service does not refuse."""
        if not is_confirmed(request):
            return confirm(
                self,
                request,
                rows,
                Question(
                    action="delete_selected",
                    effect=self.deletion_effect,
                    refusals=self.deletion_refusals,
                    with_uses=True,
                ),
            )
        run_action(
            self, request, rows, lambda row: self.delete_row(request, row), self.deleted_message
        )
        return None

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        context = {"effect": self.deletion_effect, **(extra_context or {})}
        response: HttpResponse = super().delete_view(request, object_id, context)  # type: ignore[misc]
        return response

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """Return the rows themselves, as nothing is deleted by cascade, and why some are refused."""
        rows = list(objs)
        return [str(row) for row in rows], {}, set(), list(self.deletion_refusals(rows).values())

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        try:
            self.delete_row(request, obj)
        except DomainError as error:
            request.deletion_error = obj, error  # type: ignore[attr-defined]

    def response_delete(self, request: HttpRequest, *args: Any) -> HttpResponse:
        """Show the error instead of a success where the service refused."""
        if not hasattr(request, "deletion_error"):
            response: HttpResponse = super().response_delete(request, *args)  # type: ignore[misc]
            return response
        row, error = request.deletion_error
        self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(admin_url(row))

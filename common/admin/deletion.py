"""Deletion in the admin by a service, which may refuse."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from common.admin.actions import admin_url, run_action
from common.exceptions import DomainError
from common.in_use import UseChecks


class ServiceDeletionMixin:
    """Delete through a service; for the bases, before `ModelAdmin`, with `delete_selected` in `actions`."""

    delete_confirmation_template: Any = "common/console/delete.html"
    delete_selected_confirmation_template: Any = "common/console/delete_selected.html"
    message_user: Any
    use_checks: UseChecks[Any] | None = None
    """Question of the service before it deletes a row, for those who have not confirmed yet."""

    def delete_row(self, request: HttpRequest, row: Any) -> object:
        """Delete one row by calling its service."""
        raise NotImplementedError

    def deleted_message(self, count: int) -> str:
        """Return the message for this many deleted rows."""
        raise NotImplementedError

    def deletion_errors(self, rows: list[Any]) -> list[str]:
        """Return one error for each row that cannot be deleted now."""
        if self.use_checks is None:
            return []
        return list(filter(None, map(self.use_checks.reason, rows)))

    @admin.action(description=_("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        if request.POST.get("post"):
            run_action(
                self, request, rows, lambda row: self.delete_row(request, row), self.deleted_message
            )
            return None
        response: HttpResponse | None = delete_selected(self, request, rows)  # type: ignore[arg-type]
        return response

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """Return the rows themselves, as nothing is deleted by cascade, and the errors of protected rows."""
        rows = list(objs)
        return [str(row) for row in rows], {}, set(), self.deletion_errors(rows)

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

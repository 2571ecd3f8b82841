"""Deletion by a service, which may refuse."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from common.admin.actions import address_of, carry_out
from common.exceptions import DomainError


class Deletes:
    """Before `ModelAdmin` in the bases, with `delete_selected` among the actions."""

    delete_confirmation_template: Any = "common/console/delete.html"
    delete_selected_confirmation_template: Any = "common/console/delete_selected.html"
    message_user: Any

    def remove(self, request: HttpRequest, row: Any) -> object:
        """Have the service delete one row."""
        raise NotImplementedError

    def deleted(self, count: int) -> str:
        """What is said when so many were deleted."""
        raise NotImplementedError

    def refusals_of(self, rows: list[Any]) -> list[str]:
        """Sentences about those that cannot be deleted as things stand."""
        return []

    @admin.action(description=_("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        if request.POST.get("post"):
            carry_out(self, request, rows, lambda row: self.remove(request, row), self.deleted)
            return None
        answer: HttpResponse | None = delete_selected(self, request, rows)  # type: ignore[arg-type]
        return answer

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        """Only the rows themselves: nothing is removed with them. Names those that must stay."""
        chosen = list(objs)
        return [str(row) for row in chosen], {}, set(), self.refusals_of(chosen)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        try:
            self.remove(request, obj)
        except DomainError as error:
            request.refusal = obj, error  # type: ignore[attr-defined]

    def response_delete(self, request: HttpRequest, *args: Any) -> HttpResponse:
        """Say no success where the service refused."""
        refused = getattr(request, "refusal", None)
        if refused is None:
            answer: HttpResponse = super().response_delete(request, *args)  # type: ignore[misc]
            return answer
        self.message_user(request, str(refused[1]), messages.ERROR)
        return HttpResponseRedirect(address_of(refused[0]))

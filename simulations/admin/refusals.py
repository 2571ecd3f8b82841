"""Refusals of the services on the console's pages: a sentence above the page, never a failure of ours."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from simulations.exceptions import SimulationError

Row = TypeVar("Row", bound=Model)


class Refusals:
    """Before `ModelAdmin` in the bases of a page: a refused request shows why, and no success.

    What is refused here was fine when the form was checked: somebody else was faster.
    """

    opts: Any
    admin_site: Any
    message_user: Any

    def changeform_view(self, request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        return self._told(super().changeform_view, request, args, words)  # type: ignore[misc]

    def delete_view(self, request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        return self._told(super().delete_view, request, args, words)  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        return self._told(super().changelist_view, request, args, words)  # type: ignore[misc]

    def _told(
        self, view: Callable[..., HttpResponse], request: HttpRequest, args: Any, words: Any
    ) -> HttpResponse:
        try:
            return view(request, *args, **words)
        except SimulationError as error:
            self.message_user(request, str(error), messages.ERROR)
            place = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
            return HttpResponseRedirect(reverse(f"{place}_changelist"))


def delete_each(rows: Iterable[Row], delete: Callable[[Row], object]) -> None:
    """Delete all that can be deleted.

    Raises:
        SimulationError: some could not, each is named with the reason.
    """
    refused: list[str] = []
    for row in rows:
        name = str(row)
        try:
            delete(row)
        except SimulationError as error:
            refused.append(f"{name}: {error}")
    if refused:
        raise SimulationError(" ".join(refused))

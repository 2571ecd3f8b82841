"""Refusals of services on the pages of the console: beside their fields, with what was typed still there."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse

from common.exceptions import DomainError, FieldError


class RefusingForm:
    """Before `ModelForm` in the bases: shows what the service refused after the form had been checked."""

    refusal: DomainError | None = None
    fields: Any
    add_error: Any
    errors: Any

    def clean(self) -> Any:
        values = super().clean()  # type: ignore[misc]
        if self.refusal is not None:
            for error in self.refusal.errors or [FieldError("", str(self.refusal))]:
                self.show(error)
        return values

    def show(self, error: FieldError) -> None:
        """Show an error beside the field that its JSON pointer names, or above the form."""
        field, _slash, place = error.pointer.strip("/").partition("/")
        known = field if field in self.fields else None
        told = f"{place}: {error.detail}" if place and known else error.detail
        if told not in self.errors.get(known or NON_FIELD_ERRORS, ()):
            self.add_error(known, told)


class Refusals:
    """Before `ModelAdmin` in the bases: what a service refuses is shown in the form, never as a failure.

    What is refused here was fine when the form was checked: somebody else was faster.
    """

    message_user: Any

    def changeform_view(self, request: HttpRequest, *args: Any, **words: Any) -> HttpResponse:
        try:
            answer: HttpResponse = super().changeform_view(request, *args, **words)  # type: ignore[misc]
        except DomainError as error:
            if hasattr(request, "refusal"):
                raise
            # What was written is undone by now. Once more, and the form shows why.
            request.refusal = error  # type: ignore[attr-defined]
            answer = super().changeform_view(request, *args, **words)  # type: ignore[misc]
        return answer

    def get_form(self, request: HttpRequest, *args: Any, **words: Any) -> Any:
        form = super().get_form(request, *args, **words)  # type: ignore[misc]
        form.refusal = getattr(request, "refusal", None)  # the class is made for this request
        return form

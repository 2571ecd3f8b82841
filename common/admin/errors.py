"""Errors of services in admin forms: shown beside their fields, with the input kept."""

from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpRequest, HttpResponse

from common.exceptions import DomainError, FieldError


class DomainErrorFormMixin:
    """Show the error of a service among the form's errors; for the bases, before `ModelForm`."""

    domain_error: DomainError | None = None
    fields: Any
    add_error: Any
    errors: Any

    def clean(self) -> Any:
        values = super().clean()  # type: ignore[misc]
        if self.domain_error is not None:
            for error in self.domain_error.errors or [FieldError("", str(self.domain_error))]:
                self.add_field_error(error)
        return values

    def add_field_error(self, error: FieldError) -> None:
        """Show an error beside the field that its JSON pointer names, or above the form."""
        name, _slash, rest = error.pointer.strip("/").partition("/")
        field = name if name in self.fields else None
        rest = rest.replace("~1", "/").replace("~0", "~")
        message = f"{rest}: {error.detail}" if rest and field else error.detail
        if message not in self.errors.get(field or NON_FIELD_ERRORS, ()):
            self.add_error(field, message)


class DomainErrorMixin:
    """Show a DomainError raised while saving in the form; for the bases, before `ModelAdmin`.

    The form was valid when it was checked: another request was faster.
    """

    message_user: Any

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        except DomainError as error:
            if hasattr(request, "domain_error"):
                raise
            # The transaction was rolled back. Run the view again: now the form shows the error.
            request.domain_error = error  # type: ignore[attr-defined]
            response = super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        return response

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form = super().get_form(request, *args, **kwargs)  # type: ignore[misc]
        form.domain_error = getattr(
            request, "domain_error", None
        )  # the class is made for this request
        return form

"""Fields of forms that refer to another row."""

from typing import Any, ClassVar

from django.contrib.admin.widgets import AutocompleteSelect
from django.forms import Script
from django.http import HttpRequest

MAX_ID_DIGITS = 18
"""Digits of an id that every database can hold."""


def is_id(text: str) -> bool:
    """Return whether a text can be the id of a row."""
    return text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS


class RowSelect(AutocompleteSelect):
    """A choice of a row; what was submitted is shown again unless no database can look for it."""

    class Media:
        js: ClassVar = [Script("common/console/choices.js", type="module")]

    def optgroups(self, name: str, value: Any, attr: Any = None) -> list[Any]:
        ids = [pk for pk in value if is_id(str(pk))]
        return list(super().optgroups(name, ids, attr))


class RowSelectMixin:
    """Use `RowSelect` for `autocomplete_fields`; for the bases, before `ModelAdmin`."""

    admin_site: Any
    autocomplete_fields: ClassVar[Any]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:
            kwargs.setdefault("widget", RowSelect(db_field, self.admin_site))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

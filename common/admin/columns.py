"""Columns of lists that show fields of the model: times, numbers and yes or no in one form everywhere."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import BooleanField, DateTimeField, Field, FloatField, IntegerField, Model
from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.admin import numbers, times

Show = Callable[[Any], str]


def column_name(column: Any) -> str:
    """Return the name of a column, which may be a function."""
    return column if isinstance(column, str) else str(column.__name__)


def shown(model: type[Model], column: Any) -> Any:
    """Return the function that shows a field of the model in our form; other columns as they are."""
    if not isinstance(column, str):
        return column
    try:
        field: Any = model._meta.get_field(column)  # noqa: SLF001  as documented by Django
    except FieldDoesNotExist:
        return column
    show = None if field is model._meta.pk else _show(field)  # noqa: SLF001
    return column if show is None else _column(field, show)


def _show(field: Any) -> Show | None:
    if not isinstance(field, Field) or field.choices:
        return None
    if isinstance(field, DateTimeField):
        return times.moment
    if isinstance(field, BooleanField):
        return yes_or_no
    return numbers.number if isinstance(field, (IntegerField, FloatField)) else None


def _column(field: Field[Any, Any], show: Show) -> Any:
    def value(row: Any) -> str:
        return show(getattr(row, field.name))

    value.__name__ = field.name
    value.numeric = show is numbers.number  # type: ignore[attr-defined]
    return admin.display(description=field.verbose_name, ordering=field.name)(value)


def yes_or_no(value: bool | None) -> str:  # noqa: FBT001  a column passes its value
    """Show a boolean as a word; Django shows a picture with an English text."""
    if value is None:
        return numbers.NOTHING
    return _("yes") if value else format_html('<span class="quiet">{}</span>', _("no"))


def numeric(function: Any) -> Any:
    """Mark a method of a `ModelAdmin` whose column is aligned to the right; a decorator."""
    function.numeric = True
    return function


def is_numeric(model_admin: Any, column: Any) -> bool:
    """Tell whether a column is aligned to the right."""
    function = getattr(model_admin, column, None) if isinstance(column, str) else column
    return bool(getattr(function, "numeric", False))

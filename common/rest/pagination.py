"""Cursor pagination."""

from typing import Any, Self

from django.core.exceptions import ValidationError
from django.db import DataError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request


class PreparedRows(list[dict[str, Any]]):
    """Rows that are read already, in the order of the list, where a paginator expects a queryset."""

    def order_by(self, *_fields: str) -> Self:
        return self


class NewestFirst(CursorPagination):
    """Pages by cursor, the newest row first, without counting; `page_size` from 1 to 500."""

    ordering = "-id"
    invalid_cursor_message: Any = gettext_lazy(
        "This cursor is invalid: use `next` as it was returned, or start without a cursor."
    )
    page_size_query_param = "page_size"
    max_page_size = 500
    # Rows with equal values are told apart by their offset; beyond the cutoff pages would repeat.
    offset_cutoff = 1_000_000

    def paginate_queryset(
        self, queryset: Any, request: Request, view: Any = None
    ) -> list[Any] | None:
        """Return one page.

        Raises:
            NotFound: the cursor is forged, with a position that the column cannot have.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, OverflowError, DataError, ValidationError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise exceptions.NotFound(self.invalid_cursor_message) from error

    def get_page_size(self, request: Request) -> int | None:
        text = request.query_params.get("page_size")
        if text is None:
            return self.page_size
        is_number = text.isascii() and text.isdecimal()
        if not is_number or not 1 <= int(text[:9]) <= self.max_page_size:
            message = _("page_size must be an integer from 1 to %(max)d.")
            raise exceptions.ValidationError(
                {"page_size": [message % {"max": self.max_page_size}]}, code="page_size"
            )
        return int(text)

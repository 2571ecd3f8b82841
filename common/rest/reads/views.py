"""View sets that answer with columns instead of instances.

    class Things(Reads):
        queryset = Thing.objects.all()
        serializer_class = ThingSerializer

Without query parameters a list or a detail is the same statement each time, which is compiled once.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, cast

from django.db.models import QuerySet
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from common.db.prepared import PreparedQuery
from common.rest.filters import unfiltered
from common.rest.pagination import NewestFirst, PreparedRows
from common.rest.reads.columns import Columns, Row, columns_of


class Reads(GenericViewSet[Any]):
    """`list` and `retrieve` by the columns of the view's serializer."""

    filterset_class: Any
    nested: Mapping[str, PreparedQuery] = {}
    """The rows that a field of a detail lists, by the key of the detail."""

    def list(self, request: Request) -> Response:
        if request.query_params:
            return self.page_of(self.filter_queryset(self.get_queryset()))
        columns = self._columns()
        return self._paginate(columns, PreparedRows(first_page(type(self), columns).all()))

    def page_of(self, queryset: QuerySet[Any]) -> Response:
        """Answer with one page of a queryset."""
        columns = self._columns()
        return self._paginate(columns, queryset.values(*columns.paths))

    def retrieve(self, request: Request, pk: str) -> Response:
        if request.query_params:
            return Response(self.detail_of(self.filter_queryset(self.get_queryset()).filter(pk=pk)))
        columns = self._columns()
        return Response(self._detail(columns, row_by_key(type(self), columns).get(int(pk))))

    def detail_of(self, queryset: QuerySet[Any]) -> Row:
        """The only row of a queryset, with its nested rows.

        Raises:
            Http404: there is none.
        """
        columns = self._columns()
        return self._detail(columns, queryset.order_by().values(*columns.paths).first())

    def _columns(self) -> Columns:
        return columns_of(cast(Any, self.get_serializer_class()))

    def _paginate(self, columns: Columns, rows: Any) -> Response:
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response([columns.to_dict(row) for row in page])

    def _detail(self, columns: Columns, row: Row | None) -> Row:
        if row is None:
            raise Http404
        answer = columns.to_dict(row)
        for name, nested in columns.nested.items():
            answer[name] = [nested.to_dict(part) for part in self.nested[name].all(row["id"])]
        return answer


@cache
def first_page(view: type[Reads], columns: Columns) -> PreparedQuery:
    """The first page of a list without query parameters, and one more row if there is a second."""
    size = int(NewestFirst.page_size or 0)
    return PreparedQuery(
        lambda: _rows(view, columns).order_by(NewestFirst.ordering)[: size + 1], key=None
    )


@cache
def row_by_key(view: type[Reads], columns: Columns) -> PreparedQuery:
    """The row of a detail without query parameters."""
    return PreparedQuery(lambda: _rows(view, columns).order_by())


def _rows(view: type[Reads], columns: Columns) -> QuerySet[Any, Any]:
    queryset: QuerySet[Any] = cast(Any, view.queryset)
    return unfiltered(view.filterset_class, queryset).values(*columns.paths)

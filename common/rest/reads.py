"""Reads without model instances: the fields of a serializer, straight from the columns of the database.

A page of fifty rows costs most in building instances and in asking each field of each row. Here a serializer
class is looked at once; what it declares (names, sources, types) stays the only truth of an answer, and
`accounts/tests/test_rows.py` holds both ways against each other.

    class Things(Reads, viewsets.GenericViewSet[Thing]):
        serializer_class = ThingSerializer
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.pagination import Cursor
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.viewsets import GenericViewSet

from common.db.prepared import PreparedQuery
from common.rest.filters import SoftDeleteFilterSet

Row = dict[str, Any]
Convert = Callable[[Any], Any]

IN_UTC = settings.TIME_ZONE == "UTC"
AS_THEY_ARE = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.ChoiceField,
    serializers.DictField,
    serializers.FloatField,
    serializers.IntegerField,
    serializers.JSONField,
    serializers.ListField,
    serializers.ListSerializer,
    serializers.PrimaryKeyRelatedField,
)
"""Fields whose values the database gives as the answer tells them."""


class Derived(serializers.Field[Any, Any, Any, Any]):
    """A field that is told from several columns: `of` gets their values, in this order."""

    def __init__(self, *columns: str, of: Callable[..., Any]) -> None:
        super().__init__(read_only=True)
        self.columns = columns
        self.of = of

    def get_attribute(self, instance: Any) -> Any:
        return [getattr(instance, column) for column in self.columns]

    def to_representation(self, value: Any) -> Any:
        return self.of(*value)


class Columns:
    """What a serializer reads, as columns; made once for each serializer class."""

    def __init__(self, serializer: type[serializers.Serializer[Any]]) -> None:
        self._plain: list[tuple[str, str, Convert | None]] = []
        self._derived: list[tuple[str, tuple[str, ...], Callable[..., Any]]] = []
        self._blank: Row = {}
        self.nested: dict[str, Columns] = {}
        for name, field in serializer().fields.items():
            if not field.write_only:
                self._blank[name] = None
                self._add(name, field)
        named = {path for _name, path, _convert in self._plain}
        derived = {column for _name, columns, _of in self._derived for column in columns}
        self.paths = sorted(named | derived)

    def _add(self, name: str, field: Any) -> None:
        if isinstance(field, Derived):
            self._derived.append((name, field.columns, field.of))
        elif isinstance(field, serializers.ListSerializer) and field.child is not None:
            self._nest(name, field.child)
        else:
            self._plain.append((name, "__".join(field.source_attrs), converter(field)))

    def _nest(self, name: str, child: Any) -> None:
        if isinstance(child, serializers.ModelSerializer):
            self.nested[name] = columns_of(type(child))
        else:
            self._plain.append((name, name, None))  # a list in a JSON column

    def told(self, row: Row) -> Row:
        """A row of `.values(*paths)` as the serializer tells it, without what is nested."""
        answer = self._blank.copy()  # in the order of the serializer
        for name, path, convert in self._plain:
            value = row[path]
            answer[name] = value if convert is None or value is None else convert(value)
        for name, columns, of in self._derived:
            answer[name] = of(*(row[column] for column in columns))
        return answer


@cache
def columns_of(serializer: type[serializers.Serializer[Any]]) -> Columns:
    """The columns of a serializer. Raises TypeError for fields that only instances can tell."""
    return Columns(serializer)


def converter(field: Any) -> Convert | None:
    """How a value of a column becomes that of an answer; None: it is already.

    Raises:
        TypeError: nobody can say without an instance.
    """
    if isinstance(field, serializers.DateTimeField):
        return moment
    ours = not type(field).to_representation.__module__.startswith("rest_framework.")
    if isinstance(field, AS_THEY_ARE) and not ours:
        return None
    raise TypeError(f"{field.field_name} of {type(field.parent).__name__} needs an instance")


def moment(value: datetime) -> datetime:
    """A time in the zone of this server; the renderer writes it."""
    return value if IN_UTC else value.astimezone(timezone.get_default_timezone())


class Reads(GenericViewSet[Any]):
    """`list` and `retrieve` by columns; what is nested is read by the view (`nested_rows`)."""

    filterset_class: Any

    def list(self, request: Request) -> Response:
        return self.told_page(self.filter_queryset(self.get_queryset()))

    def told_page(self, found: QuerySet[Any]) -> Response:
        """One page of what a query finds, by the serializer of the view."""
        columns = columns_of(cast(Any, self.get_serializer_class()))
        page = self.paginate_queryset(found.values(*columns.paths)) or []
        return self.get_paginated_response([columns.told(row) for row in page])

    def retrieve(self, request: Request, pk: str) -> Response:
        found = self.filter_queryset(self.get_queryset()).filter(pk=pk)
        return Response(self.told_one(self.get_serializer_class(), found))

    def told_one(self, serializer: Any, found: QuerySet[Any]) -> Row:
        """The only row of a query, with what is nested. Raises Http404."""
        columns = columns_of(serializer)
        row = found.order_by().values(*columns.paths).first()
        if row is None:
            raise Http404
        answer = columns.told(row)
        for name, nested in columns.nested.items():
            parts = self.nested_rows(name, row).values(*nested.paths)
            answer[name] = [nested.told(part) for part in parts]
        return answer

    def nested_rows(self, name: str, row: Row) -> QuerySet[Any]:
        """The rows that a field of a detail lists, in their order."""
        raise NotImplementedError


class FirstPage:
    """The newest rows of a list of which nothing is asked: what its view answers then, in one statement."""

    def __init__(self, view: type[Reads], serializer: type[serializers.Serializer[Any]]) -> None:
        self._view = view
        self._size = int(api_settings.PAGE_SIZE or 0)
        self._columns = columns_of(serializer)
        self._written = PreparedQuery(self._rows, key=None)

    def _rows(self) -> QuerySet[Any, Any]:
        found: QuerySet[Any, Any] = cast(Any, self._view.queryset).all()
        if issubclass(self._view.filterset_class, SoftDeleteFilterSet):
            found = self._view.filterset_class.unasked(found)
        return found.order_by("-id").values(*self._columns.paths)[: self._size + 1]

    def told(self, address: str) -> Row:
        """The page of a list at this address, with that of the next one."""
        rows = self._written.all()
        page, following = rows[: self._size], None
        if len(rows) > len(page):
            pager = cast(Any, api_settings.DEFAULT_PAGINATION_CLASS)()
            pager.base_url = address
            place: Any = str(page[-1]["id"])
            following = pager.encode_cursor(Cursor(0, reverse=False, position=place))
        told = [self._columns.told(row) for row in page]
        return {"next": following, "previous": None, "results": told}

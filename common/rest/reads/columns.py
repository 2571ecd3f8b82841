"""The fields of a serializer, straight from the columns of the database: rows without model instances.

A page of fifty rows costs most in building instances and in asking each field of each row. Here a serializer
class is looked at once; what it declares (names, sources, types) stays the only truth of an answer, and
`simulations/tests/test_columns.py` compares both ways.
"""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework import serializers

Row = dict[str, Any]
Convert = Callable[[Any], Any]

IN_UTC = settings.TIME_ZONE == "UTC"
UNCONVERTED = (
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
"""Fields whose values stand in the answer as the database gives them."""


class Derived(serializers.Field[Any, Any, Any, Any]):
    """A field that is computed from several columns: `of` gets their values, in this order.

    A column may be that of a related row, such as `created_by__email`; None if there is none.
    """

    def __init__(self, *columns: str, of: Callable[..., Any]) -> None:
        super().__init__(read_only=True)
        self.columns = columns
        self.of = of

    def get_attribute(self, instance: Any) -> Any:
        return [_follow(instance, column) for column in self.columns]

    def to_representation(self, value: Any) -> Any:
        return self.of(*value)


def _follow(instance: Any, path: str) -> Any:
    for name in path.split("__"):
        instance = None if instance is None else getattr(instance, name)
    return instance


class Columns:
    """The columns that a serializer reads; made once for each serializer class."""

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

    def to_dict(self, row: Row) -> Row:
        """Convert a row of `.values(*paths)` to what the serializer answers, without nested rows."""
        answer = self._blank.copy()  # in the order of the serializer
        for name, path, convert in self._plain:
            value = row[path]
            answer[name] = value if convert is None or value is None else convert(value)
        for name, columns, of in self._derived:
            answer[name] = of(*(row[column] for column in columns))
        return answer


@cache
def columns_of(serializer: type[serializers.Serializer[Any]]) -> Columns:
    """The columns of a serializer class.

    Raises:
        TypeError: a field needs a model instance.
    """
    return Columns(serializer)


def converter(field: Any) -> Convert | None:
    """The function from a column's value to that of the answer; None where they are the same.

    Raises:
        TypeError: the field needs a model instance.
    """
    if isinstance(field, serializers.DateTimeField):
        return local_time
    own = not type(field).to_representation.__module__.startswith("rest_framework.")
    if isinstance(field, UNCONVERTED) and not own:
        return None
    raise TypeError(f"{field.field_name} of {type(field.parent).__name__} needs an instance")


def local_time(value: datetime) -> datetime:
    """The same instant in the time zone of the settings; the renderer writes it."""
    return value if IN_UTC else value.astimezone(timezone.get_default_timezone())

"""Strict serializers: unknown fields and JSON values of the wrong type are refused.

`"7"` is not a number, `7` not a string, `"yes"` not a boolean.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

UNKNOWN_FIELD = _("There is no such field: leave it out, or check its spelling.")
JSON_TYPES: tuple[tuple[type, tuple[type, ...], Any], ...] = (
    (serializers.BooleanField, (bool,), _("Send true or false.")),
    (serializers.IntegerField, (int, float), _("Send an integer.")),
    (serializers.PrimaryKeyRelatedField, (int,), _("Send an id, an integer.")),
    (serializers.FloatField, (int, float), _("Send a number.")),
    (serializers.CharField, (str,), _("Send a string.")),
)
"""The JSON types that a field accepts; REST framework would convert whatever it can."""


class StrictSerializer(serializers.Serializer[Any]):
    """Base of serializers of requests; read-only fields in a request are ignored, as usual."""

    enforced: Mapping[str, Mapping[str, Any]] = {}
    """JSON Schema of constraints that a service enforces, by field; for the OpenAPI schema."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate; unknown names and wrong types are reported together with all other errors."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        errors: dict[str, Any] = {
            str(name): [serializers.ErrorDetail(str(UNKNOWN_FIELD), code="unknown_field")]
            for name in data
            if name not in self.fields
        }
        if not isinstance(data, QueryDict):  # in a form everything is a string
            errors |= dict(self._wrong_types(data))
        errors |= dict(self._missing_fields(data))
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            details = error.detail if isinstance(error.detail, dict) else {}
            raise serializers.ValidationError({**details, **errors}) from error
        if errors:
            raise serializers.ValidationError(errors)
        return value

    def _missing_fields(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Require all fields of nested objects in a PATCH, which may omit only top-level fields."""
        if self.parent is None or not getattr(self.root, "partial", False):
            return
        for name, field in self.fields.items():
            if field.required and not field.read_only and name not in data:
                message = str(field.error_messages["required"])
                yield name, [serializers.ErrorDetail(message, code="required")]

    def _wrong_types(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, field in self.fields.items():
            if name in data and not field.read_only and (error := type_error(field, data[name])):
                yield name, error


def validated(serializer: StrictSerializer) -> dict[str, Any]:
    """Return the validated data of a request. Raises ValidationError."""
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def type_error(field: Any, value: Any) -> Any:
    """Return the error of a JSON value's type, or those of its items by key; None when there is none."""
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        by_index = {index: type_error(field.child, item) for index, item in enumerate(value)}
        return {index: error for index, error in by_index.items() if error} or None
    if isinstance(field, serializers.DictField) and isinstance(value, dict):
        by_name = {str(name): type_error(field.child, item) for name, item in value.items()}
        return {name: error for name, error in by_name.items() if error} or None
    for field_class, types, message in JSON_TYPES:
        if isinstance(field, field_class):
            # bool is a subclass of int
            valid = isinstance(value, types) and isinstance(value, bool) == (types == (bool,))
            return None if valid else [serializers.ErrorDetail(str(message), code="wrong_type")]
    return None

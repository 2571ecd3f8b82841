"""Requests say only what is understood: a field that no serializer knows is refused by its name.

Nor is a value taken for what it is not: `"7"` is no number, `7` no text, `"yes"` no answer.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

UNKNOWN = _("There is no such field: leave it out, or check how it is spelled.")
TYPES: tuple[tuple[type, tuple[type, ...], Any], ...] = (
    (serializers.BooleanField, (bool,), _("Send true or false.")),
    (serializers.IntegerField, (int, float), _("Send a whole number.")),
    (serializers.PrimaryKeyRelatedField, (int,), _("Send an id, a whole number.")),
    (serializers.FloatField, (int, float), _("Send a number.")),
    (serializers.CharField, (str,), _("Send a text.")),
)
"""What JSON has to be for a field to take it; the framework would convert whatever it can."""


class Strict(serializers.Serializer[Any]):
    """Base of serializers that take requests. Fields that can only be read are passed over, as before."""

    enforced: Mapping[str, Mapping[str, Any]] = {}
    """What a service enforces beyond the fields, by field, in words of JSON Schema; for the description."""

    def to_internal_value(self, data: Any) -> Any:
        """As in the base; unknown names and wrong types are refused together with whatever else is wrong."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        refused = {
            str(name): [serializers.ErrorDetail(str(UNKNOWN), code="unknown_field")]
            for name in data
            if name not in self.fields
        }
        if not isinstance(data, QueryDict):  # in a form everything is text
            refused |= dict(self._wrong_types(data))
        refused |= dict(self._missing(data))
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            details = error.detail if isinstance(error.detail, dict) else {}
            raise serializers.ValidationError({**details, **refused}) from error
        if refused:
            raise serializers.ValidationError(refused)
        return value

    def _missing(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """What an inner object lacks; a PATCH leaves out fields of the whole, not of its parts."""
        if self.parent is None or not getattr(self.root, "partial", False):
            return
        for name, field in self.fields.items():
            if field.required and not field.read_only and name not in data:
                sentence = str(field.error_messages["required"])
                yield name, [serializers.ErrorDetail(sentence, code="required")]

    def _wrong_types(self, data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, field in self.fields.items():
            if name in data and not field.read_only and (wrong := wrong_type(field, data[name])):
                yield name, wrong


def wrong_type(field: Any, value: Any) -> Any:
    """What is wrong with the type of a JSON value, or with those of its items by place; None: nothing."""
    if value is None:
        return None
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        items = {at: wrong_type(field.child, item) for at, item in enumerate(value)}
        return {at: wrong for at, wrong in items.items() if wrong} or None
    if isinstance(field, serializers.DictField) and isinstance(value, dict):
        inner = {str(name): wrong_type(field.child, item) for name, item in value.items()}
        return {name: wrong for name, wrong in inner.items() if wrong} or None
    for kind, taken, sentence in TYPES:
        if isinstance(field, kind):
            right = isinstance(value, taken) and isinstance(value, bool) == (taken == (bool,))
            return None if right else [serializers.ErrorDetail(str(sentence), code="wrong_type")]
    return None

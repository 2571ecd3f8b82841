"""Requests say only what is understood: a field that no serializer knows is refused by its name."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

UNKNOWN = _("There is no such field: leave it out, or check how it is spelled.")


class Strict(serializers.Serializer[Any]):
    """Base of serializers that take requests. Fields that can only be read are passed over, as before."""

    enforced: Mapping[str, Mapping[str, Any]] = {}
    """What a service enforces beyond the fields, by field, in words of JSON Schema; for the description."""

    def to_internal_value(self, data: Any) -> Any:
        """As in the base, after unknown names have been refused together with whatever else is wrong."""
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        unknown = {
            str(name): [serializers.ErrorDetail(str(UNKNOWN), code="unknown_field")]
            for name in data
            if name not in self.fields
        }
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            details = error.detail if isinstance(error.detail, dict) else {}
            raise serializers.ValidationError({**unknown, **details}) from error
        if unknown:
            raise serializers.ValidationError(unknown)
        return value

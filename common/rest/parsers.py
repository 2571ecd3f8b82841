"""The JSON parser of the API: bounded size and depth, only values that a database can store."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import IO, Any

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class TooLarge(APIException):
    """The request has more bytes, or more files, than allowed."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The request is too large: send less at once.")
    default_code = "too_large"


class BoundedJSONParser(JSONParser):
    """JSON of bounded size and depth, with numbers and names that a database can store."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Parse a body.

        Raises:
            TooLarge: it is longer than DATA_UPLOAD_MAX_MEMORY_SIZE.
            ParseError: it is not JSON, or no database can store it.
        """
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if limit is not None and content_length(parser_context) > limit:
            message = _("The request is larger than %(max)s: send less at once.")
            raise TooLarge(message % {"max": filesizeformat(limit)})
        try:
            data = super().parse(stream, media_type, parser_context)
            require_storable(data)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        return data


def require_storable(value: Any) -> None:
    """Check that a database can store all numbers and names in a JSON value.

    Raises:
        ParseError: an infinite number, or a NUL or a lone surrogate in the name of a field.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ParseError(_("A number is out of range: send a smaller one."))
    if isinstance(value, dict):
        for name, inner in value.items():
            if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in name):
                raise ParseError(_("The name of a field contains a NUL or a lone surrogate."))
            require_storable(inner)
    elif isinstance(value, list):
        for inner in value:
            require_storable(inner)


def content_length(parser_context: Mapping[str, Any] | None) -> int:
    """Return the Content-Length of the request; without one its body is not read at all."""
    request = (parser_context or {}).get("request")
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    return int(declared) if declared and str(declared).isdecimal() else 0

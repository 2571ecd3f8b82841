"""What one request may bring: JSON that fits into the memory set aside for it, and can be kept."""

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
    """More bytes, or more files, than one request may bring."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = gettext_lazy("The request is too large: send less at once.")
    default_code = "too_large"


class BoundedJSON(JSONParser):
    """JSON of bounded size and depth, of numbers and characters that a database can hold."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Read a body.

        Raises:
            TooLarge: it is longer than DATA_UPLOAD_MAX_MEMORY_SIZE.
            ParseError: it is no JSON, or nobody could keep it.
        """
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if most is not None and length_of(parser_context) > most:
            message = _("The request is larger than %(most)s: send less at once.")
            raise TooLarge(message % {"most": filesizeformat(most)})
        try:
            found = super().parse(stream, media_type, parser_context)
            require_keepable(found)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        return found


def require_keepable(value: Any) -> None:
    """Refuse what no database column of ours holds, wherever it stands.

    Raises:
        ParseError: a number beyond all bounds, or a NUL or half a surrogate pair in the name of a field.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ParseError(_("A number is beyond all bounds: send a smaller one."))
    if isinstance(value, dict):
        for name, inner in value.items():
            if any(mark == "\0" or "\ud800" <= mark <= "\udfff" for mark in name):
                raise ParseError(_("The name of a field holds a NUL or half a surrogate pair."))
            require_keepable(inner)
    elif isinstance(value, list):
        for inner in value:
            require_keepable(inner)


def length_of(parser_context: Mapping[str, Any] | None) -> int:
    """Bytes that the request announces; a body without a length is not read at all."""
    request = (parser_context or {}).get("request")
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    return int(declared) if declared and str(declared).isdecimal() else 0

"""What one request may bring: bounded forms for small bundles, bounded JSON for the rest."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from rest_framework.parsers import DataAndFiles, JSONParser, MultiPartParser

from storage.exceptions import BodyTooLargeError


class BundleForm(MultiPartParser):
    """A form with the files of a small bundle; a larger one is refused before it is read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        if length_of(parser_context) > settings.UPLOAD_FORM_BYTES:
            message = _(
                "A form may hold %(most)s: send larger bundles in parts, begin with POST %(path)s."
            )
            most = filesizeformat(settings.UPLOAD_FORM_BYTES)
            raise BodyTooLargeError(message % {"most": most, "path": f"{settings.API_STR}/uploads"})
        try:
            return super().parse(stream, media_type, parser_context)
        except (TooManyFilesSent, TooManyFieldsSent) as error:
            message = _(
                "A form may hold %(most)d files: send bundles of more in parts, begin with POST "
                "%(path)s."
            )
            words = {
                "most": settings.DATA_UPLOAD_MAX_NUMBER_FILES,
                "path": f"{settings.API_STR}/uploads",
            }
            raise BodyTooLargeError(message % words) from error


class BoundedJSON(JSONParser):
    """JSON that fits into the memory set aside for it."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        if most is not None and length_of(parser_context) > most:
            message = _("The request is larger than %(most)s: send less at once.")
            raise BodyTooLargeError(message % {"most": filesizeformat(most)})
        return super().parse(stream, media_type, parser_context)


def length_of(parser_context: Mapping[str, Any] | None) -> int:
    """Bytes that the request announces; a body without a length is not read at all."""
    request = (parser_context or {}).get("request")
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    return int(declared) if declared and str(declared).isdecimal() else 0

"""What one form may bring: a small bundle; larger ones come in parts."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from rest_framework.parsers import DataAndFiles, MultiPartParser

from common.rest.parsers import TooLarge, content_length


class BundleForm(MultiPartParser):
    """A form with the files of a small bundle; a larger one is refused before it is read."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        if content_length(parser_context) > settings.UPLOAD_FORM_BYTES:
            message = _(
                "A form may hold %(most)s: send larger bundles in parts, begin with POST %(path)s."
            )
            most = filesizeformat(settings.UPLOAD_FORM_BYTES)
            raise TooLarge(message % {"most": most, "path": f"{settings.API_STR}/uploads"})
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
            raise TooLarge(message % words) from error

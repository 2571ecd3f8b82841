"""The parser of forms with a small bundle; larger ones are uploaded in parts."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import TooManyFieldsSent, TooManyFilesSent
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from rest_framework.parsers import DataAndFiles, MultiPartParser

from common.rest.parsers import TooLarge, content_length
from rosbag2.budget import MAX_FILES


class BundleForm(MultiPartParser):
    """Parses a form with the files of a bundle; refuses one that is too large before reading it."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "DataAndFiles[Any, Any]":
        if content_length(parser_context) > settings.UPLOAD_FORM_BYTES:
            message = _(
                "A form may have %(max)s: send larger bundles in parts, start with POST %(path)s."
            )
            limit = filesizeformat(settings.UPLOAD_FORM_BYTES)
            raise TooLarge(message % {"max": limit, "path": f"{settings.API_STR}/uploads"})
        try:
            return super().parse(stream, media_type, parser_context)
        except (TooManyFilesSent, TooManyFieldsSent) as error:
            message = _(
                "A bundle has at most %(max)d files: join its splits with `ros2 bag convert`."
            )
            raise TooLarge(message % {"max": MAX_FILES}) from error

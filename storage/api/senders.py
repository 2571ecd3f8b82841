"""Details of the machine that an upload comes from."""

from typing import Any

from django.utils.translation import get_language
from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework import serializers
from rest_framework.request import Request

from rosbag2.formats import file_names


class PathField(serializers.CharField):
    """The path of a file in a bundle, in the one form of Unicode that is stored."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=400, trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        return file_names.normal(super().to_internal_value(data))


def language_of(request: Request) -> str:
    """The language whose code page the sender's machine may write names in; empty if none is likely."""
    accepted = parse_accept_lang_header(request.headers.get("Accept-Language", "").lower())
    languages = [get_language() or "", *(language for language, _weight in accepted)]
    return next((language[:16] for language in languages if file_names.code_page(language)), "")

"""JSON renderer with the output of REST framework's own, several times as fast."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_json_encoder = JSONEncoder()


def encode_other(value: Any) -> Any:
    """Convert what msgspec cannot encode, such as lazy translations."""
    return _json_encoder.default(value)


encode = msgspec.json.Encoder(enc_hook=encode_other).encode
"""Encode a value as compact JSON."""


class QuickJSON(JSONRenderer):
    """Renders compact JSON; with an indent in the media type, as REST framework does."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        if accepted_media_type and "indent" in accepted_media_type:
            plain = msgspec.to_builtins(data, enc_hook=encode_other)
            rendered: bytes = super().render(plain, accepted_media_type, renderer_context)
            return rendered
        return encode(data)

"""How answers become JSON: as by the REST framework's own renderer, several times as fast."""

from collections.abc import Mapping
from typing import Any

import msgspec
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_usual = JSONEncoder()


def told(value: Any) -> Any:
    """What the encoder does not know by itself, such as translated texts."""
    return _usual.default(value)


encode = msgspec.json.Encoder(enc_hook=told).encode
"""An answer as compact JSON."""


class QuickJSON(JSONRenderer):
    """Compact JSON; whoever asks for an indent gets it from the framework's renderer."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        if accepted_media_type and "indent" in accepted_media_type:
            plain = msgspec.to_builtins(data, enc_hook=told)
            rendered: bytes = super().render(plain, accepted_media_type, renderer_context)
            return rendered
        return encode(data)

"""The description of the API, made once for each language and format: it takes more than a second."""

from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_made: dict[tuple[str, str], str | bytes] = {}


class Description(SpectacularAPIView):
    """As the library's view; what it tells depends on nobody."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer: BaseRenderer = request.accepted_renderer
        key = (translation.get_language(), str(renderer.media_type))
        if key not in _made:
            _made[key] = rendered(renderer)
        name = f'inline; filename="robotsim.{renderer.format}"'
        return HttpResponse(
            _made[key],
            content_type=request.accepted_media_type,
            headers={"Content-Disposition": name},
        )


def rendered(renderer: BaseRenderer) -> str | bytes:
    """The description in the language at hand."""
    generator: Any = SchemaGenerator
    schema = generator().get_schema(request=None, public=True)
    return renderer.render(schema, renderer_context={})

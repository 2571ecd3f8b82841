"""The description of the API, made once for each language and format: it takes more than a second."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class Description(SpectacularAPIView):
    """As the library's view; what it tells depends on nobody."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer: BaseRenderer = request.accepted_renderer
        name = f'inline; filename="robotsim.{renderer.format}"'
        return HttpResponse(
            rendered(translation.get_language(), type(renderer)),
            content_type=request.accepted_media_type,
            headers={"Content-Disposition": name},
        )


@cache
def rendered(_language: str, renderer: type[BaseRenderer]) -> bytes:
    """The description in the language at hand."""
    generator: Any = SchemaGenerator
    found: bytes = renderer().render(
        generator().get_schema(request=None, public=True), renderer_context={}
    )
    return found

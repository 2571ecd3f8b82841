"""The description of the API, made once for each language and format: it takes more than a second."""

from functools import cache

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response


class Description(SpectacularAPIView):
    """As the library's view; what it tells depends on nobody."""

    def _get_schema_response(self, request: Request) -> Response | HttpResponse:
        renderer = request.accepted_renderer
        body = rendered(translation.get_language(), type(renderer))
        name = f'inline; filename="robotsim.{renderer.format}"'
        return HttpResponse(
            body, content_type=request.accepted_media_type, headers={"Content-Disposition": name}
        )


@cache
def rendered(_language: str, renderer: type) -> bytes:
    """The description in the language at hand."""
    schema = SchemaGenerator().get_schema(request=None, public=True)
    found: bytes = renderer().render(schema, renderer_context={})
    return found

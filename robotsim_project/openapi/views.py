"""The OpenAPI schema, generated once per language and format, as it takes more than a second; its viewer."""

from typing import Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_cache: dict[tuple[str, str], str | bytes] = {}


docs = SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="robotsim/docs.html")
"""Swagger UI with neither script nor style in the page: the Content-Security-Policy admits none."""


class SchemaView(SpectacularAPIView):
    """The library's view with a cache: the schema is the same for all users."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer: BaseRenderer = request.accepted_renderer
        key = (translation.get_language(), str(renderer.media_type))
        if key not in _cache:
            _cache[key] = render_schema(renderer)
        name = f'inline; filename="robotsim.{renderer.format}"'
        return HttpResponse(
            _cache[key],
            content_type=request.accepted_media_type,
            headers={"Content-Disposition": name},
        )


def render_schema(renderer: BaseRenderer) -> str | bytes:
    """Generate the schema in the current language."""
    generator: Any = SchemaGenerator
    schema = generator().get_schema(request=None, public=True)
    return renderer.render(schema, renderer_context={})

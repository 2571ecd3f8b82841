"""Pages with a part that the open page asks for again and again (`refresh.js`)."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from common.admin.refresh import script_texts

PART = "state"
"""Value of the parameter `part` by which the page asks for its changing part only."""


def page(
    site: AdminSite, request: HttpRequest, template: str, title: str, state: dict[str, Any]
) -> HttpResponse:
    """Show a page, or its changing part only.

    Args:
        site: The site of the console.
        request: The request.
        template: Name of the page's template without `.html`; that of the part has `_state` at its end.
        title: Heading of the page.
        state: Context of the part.
    """
    if request.GET.get("part") == PART:
        response = TemplateResponse(request, f"{template}_state.html", state)
    else:
        shell = {**site.each_context(request), "title": title, "texts": script_texts()}
        response = TemplateResponse(request, f"{template}.html", {**shell, **state})
    response["Cache-Control"] = "no-store"
    return response

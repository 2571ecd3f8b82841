"""The page of the search, and its results alone for the dialog."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from robotsim_project.console.search.kinds import groups

MAX_LENGTH = 100
PART = "results"


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Search for `q`; `part=results` shows the results without the page."""
    text = request.GET.get("q", "").replace("\0", "").strip()[:MAX_LENGTH]
    found = groups(request, text) if text else []
    count = sum(len(group.hits) for group in found)
    values = {"count": count, "text": text}
    message = ngettext("%(count)d result", "%(count)d results", count) % values
    if text and not count:
        message = _("Nothing has “%(text)s” in its name.") % values
    context = {"groups": found, "text": text, "message": message if text else ""}
    if request.GET.get("part") == PART:
        return TemplateResponse(request, "robotsim/console/search_results.html", context)
    shell = {**site.each_context(request), "title": _("Search")}
    return TemplateResponse(request, "robotsim/console/search.html", {**shell, **context})

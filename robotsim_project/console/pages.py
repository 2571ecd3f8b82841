"""The console's own pages, beside those of the models: each with its address and its permission."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from robotsim_project.console.glossary import page as glossary
from robotsim_project.console.search import page as search
from robotsim_project.console.system import health_page, settings_page, storage_page, work_page


@dataclass(frozen=True)
class OwnPage:
    """A page of the console; without a permission everybody may open it."""

    route: str
    name: str
    view: Callable[[AdminSite, HttpRequest], HttpResponse]
    permission: str = ""


PAGES = (
    OwnPage("search/", "search", search.page),
    OwnPage("glossary/", "glossary", glossary.page),
    OwnPage("system/health/", "system_health", health_page.page, "robotsim.view_health"),
    OwnPage("system/work/", "system_work", work_page.page, "robotsim.view_work"),
    OwnPage("system/storage/", "system_storage", storage_page.page, "robotsim.view_storage"),
    OwnPage("system/settings/", "system_settings", settings_page.page, "robotsim.view_settings"),
)


def urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the pages."""
    return [
        path(page.route, site.admin_view(_checked(site, page)), name=page.name) for page in PAGES
    ]


def _checked(site: AdminSite, page: OwnPage) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if page.permission and not request.user.has_perm(page.permission):
            raise PermissionDenied
        return page.view(site, request, **kwargs)

    return view

"""The console's own pages, beside those of the models: each with its address and its permission."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from robotsim_project.console.system import health_page, work_page


@dataclass(frozen=True)
class OwnPage:
    """A page of the console; whoever has the permission may open it."""

    route: str
    name: str
    view: Callable[[AdminSite, HttpRequest], HttpResponse]
    permission: str


PAGES = (
    OwnPage("system/health/", "system_health", health_page.page, "robotsim.view_health"),
    OwnPage("system/work/", "system_work", work_page.page, "robotsim.view_work"),
)


def urls(site: AdminSite) -> list[URLPattern]:
    """Return the addresses of the pages."""
    return [
        path(page.route, site.admin_view(_checked(site, page)), name=page.name) for page in PAGES
    ]


def _checked(site: AdminSite, page: OwnPage) -> Callable[..., HttpResponse]:
    def view(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm(page.permission):
            raise PermissionDenied
        return page.view(site, request, **kwargs)

    return view

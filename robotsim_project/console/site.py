"""The site of the console: Django's admin with our navigation and the limits of our sign-in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import Model
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

from robotsim_project.console import navigation
from robotsim_project.console.glossary.page import term_of


class Console(AdminSite):
    """Lists pages by work, and limits sign-ins and password changes as the API does."""

    site_header = "robotsim"
    site_title = "robotsim"
    site_url: Any = reverse_lazy("admin:index")
    index_title = _("Dashboard")
    enable_nav_sidebar = False

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Add the navigation, the page of it that the request belongs to, and the term that it is about."""
        sections = navigation.sections(request)
        items = [item for section in sections for item in section.items]
        current = next((item for item in items if item.current), None)
        context: dict[str, Any] = super().each_context(request)
        own = {"navigation": sections, "current_page": current, "page_term": term_of(request)}
        return {**context, **own}

    def history_of(self, row: Model) -> dict[str, Any]:
        """Return what the page of a row's history shows."""
        from accounts.admin.audit import history  # noqa: PLC0415  models are loaded after this module

        return history.context(row)

    def get_urls(self) -> Any:
        """Add the pages that belong to no model."""
        from robotsim_project.console import pages  # noqa: PLC0415  models are loaded after this module

        return [*pages.urls(self), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the dashboard."""
        from robotsim_project.console.dashboard import page  # noqa: PLC0415  as above

        return page.page(self, request)

    def app_index(self, request: HttpRequest, app_label: str, extra_context: Any = None) -> Any:
        """Lead to the dashboard: pages are listed by work, not by app."""
        return HttpResponseRedirect(reverse("admin:index"))

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> Any:
        from accounts.views import limited  # noqa: PLC0415  as above

        return limited(super().login)(request, extra_context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> Any:
        from accounts.views import PasswordChangePage, limited  # noqa: PLC0415  as above

        context = {**self.each_context(request), **(extra_context or {})}
        return limited(PasswordChangePage.as_view(extra_context=context))(request)

"""The site of the console: Django's admin with the limits of our sign-in."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class Console(AdminSite):
    """Limits sign-ins and password changes as the API does."""

    site_header = "robotsim"
    site_title = "robotsim"
    index_title = _("Console")

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> Any:
        from accounts.views import limited  # noqa: PLC0415  models are loaded after this module

        return limited(super().login)(request, extra_context)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, object] | None = None
    ) -> Any:
        from accounts.views import PasswordChangePage, limited  # noqa: PLC0415  as above

        context = {**self.each_context(request), **(extra_context or {})}
        return limited(PasswordChangePage.as_view(extra_context=context))(request)


class ConsoleConfig(AdminConfig):
    """Django's admin with our site."""

    default_site = "robotsim_project.console.Console"

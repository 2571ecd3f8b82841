"""The console: Django's admin with our site, navigation and pages."""

from django.contrib.admin.apps import AdminConfig


class ConsoleConfig(AdminConfig):
    """Django's admin with our site."""

    default_site = "robotsim_project.console.site.Console"

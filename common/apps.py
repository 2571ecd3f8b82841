"""The Django app of what all apps share; it has templates and static files, and no models."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Shared pieces of the API and the console."""

    name = "common"
    verbose_name = "common"

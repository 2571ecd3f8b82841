"""The Django app `common`: templates and static files, no concrete models."""

from django.apps import AppConfig


class CommonConfig(AppConfig):
    """Code that all apps share."""

    name = "common"
    verbose_name = "common"

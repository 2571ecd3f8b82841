"""The Django app of backups; it has commands, and no models."""

from django.apps import AppConfig


class BackupsConfig(AppConfig):
    """The commands `backup` and `restore`."""

    name = "backups"
    verbose_name = "backups"

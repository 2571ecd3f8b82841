"""The storage app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StorageConfig(AppConfig):
    """Rosbags and their files."""

    name = "storage"
    verbose_name = _("Rosbags")

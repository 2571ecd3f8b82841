"""The app of simulation templates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TemplatesConfig(AppConfig):
    """What one kind of agent does."""

    name = "templates"
    verbose_name = _("Templates")

"""The app of mecs, simulations and executions."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SimulationsConfig(AppConfig):
    """Simulations and their executions."""

    name = "simulations"
    verbose_name = _("Simulations")

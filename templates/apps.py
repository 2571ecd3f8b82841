"""The app of simulation templates."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TemplatesConfig(AppConfig):
    """Simulation templates."""

    name = "templates"
    verbose_name = _("Templates")

    def ready(self) -> None:
        # Imported here, as both need the models to be loaded.
        from storage.services.rosbags import deletion  # noqa: PLC0415
        from templates.services import templates  # noqa: PLC0415

        deletion.use_checks.register(templates.use_of_rosbag)

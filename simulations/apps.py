"""The app of mecs, simulations and executions."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SimulationsConfig(AppConfig):
    """Simulations and their executions."""

    name = "simulations"
    verbose_name = _("Simulations")

    def ready(self) -> None:
        # Imported here, as these need the models to be loaded.
        from accounts.services.audit import histories  # noqa: PLC0415
        from simulations.models import Execution, Simulation  # noqa: PLC0415
        from simulations.services.designs.measured import measured  # noqa: PLC0415
        from simulations.services.runs import audit, usage  # noqa: PLC0415
        from storage.services.rosbags import deletion  # noqa: PLC0415
        from templates.services import measured as measured_of_templates  # noqa: PLC0415
        from templates.services import templates  # noqa: PLC0415

        histories.more_models.add(Execution)
        histories.register(Simulation, audit.entries_of_executions)
        deletion.use_checks.register(usage.use_of_rosbag)
        deletion.use_checks.register(usage.use_of_recording)
        templates.use_checks.register(usage.use_of_template)
        measured_of_templates.register(measured)

"""The project as an app: management commands and signal receivers of tasks."""

from importlib import import_module

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Commands and signal receivers; no models."""

    name = "robotsim_project"
    label = "robotsim"
    verbose_name = "robotsim"

    def ready(self) -> None:
        import_module("robotsim_project.telemetry.task_log")  # connects its receivers

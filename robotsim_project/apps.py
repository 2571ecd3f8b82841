"""The project itself as an app: its commands, and what listens to tasks."""

from importlib import import_module

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Brings commands and listeners, and no models."""

    name = "robotsim_project"
    label = "robotsim"
    verbose_name = "robotsim"

    def ready(self) -> None:
        import_module("robotsim_project.telemetry.task_log")  # connects itself

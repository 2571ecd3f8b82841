"""The project as an app: its commands, and what listens to tasks."""

from importlib import import_module

from django.apps import AppConfig


class RobotsimProjectConfig(AppConfig):
    """On top of the apps; it has no models."""

    name = "robotsim_project"

    def ready(self) -> None:
        import_module("robotsim_project.task_log")  # connects itself

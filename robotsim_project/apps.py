"""The project as an app: it has management commands of its own."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """No models: only commands."""

    name = "robotsim_project"
    label = "robotsim_project"

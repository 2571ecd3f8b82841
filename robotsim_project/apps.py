"""The project itself as an app: its commands, such as `migrate` that any number may run at once."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """Brings commands, and no models."""

    name = "robotsim_project"
    label = "robotsim"
    verbose_name = "robotsim"

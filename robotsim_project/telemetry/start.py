"""Traces and error reports of a process, where the settings name somebody who takes them.

Called as a process begins to serve: in a worker of gunicorn after the fork, and by manage.py. What is not
asked for is not even loaded: both libraries cost memory and time to start.
"""

from django.conf import settings


def start(process: str) -> None:
    """Begin to trace and to report; `process` names it, as in `robotsim-server`."""
    if settings.SENTRY_DSN:
        from robotsim_project.telemetry import error_reports  # noqa: PLC0415

        error_reports.start(process)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from robotsim_project.telemetry import traces  # noqa: PLC0415

        traces.start(settings.OTEL_SERVICE_NAME or f"robotsim-{process}")


def process_of(arguments: list[str]) -> str:
    """What manage.py is called as: `run_controller` is the controller, `db_worker` the worker."""
    command = arguments[1] if len(arguments) > 1 else "manage"
    return command.removeprefix("run_").removeprefix("db_").replace("_", "-")

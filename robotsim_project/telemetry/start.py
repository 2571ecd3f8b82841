"""Start of tracing and error reports, if the settings name their receivers.

Called when a process begins to serve: in a worker of gunicorn after the fork, and by manage.py. Unused
libraries are not imported, as both cost memory and start-up time.
"""

from django.conf import settings


def start(process: str) -> None:
    """Start tracing and error reports; `process` is part of the service name, as in `robotsim-server`."""
    if settings.SENTRY_DSN:
        from robotsim_project.telemetry import error_reports  # noqa: PLC0415

        error_reports.start(process)
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        from robotsim_project.telemetry import traces  # noqa: PLC0415

        traces.start(settings.OTEL_SERVICE_NAME or f"robotsim-{process}")


def process_of(arguments: list[str]) -> str:
    """Return the process name of a manage.py command, such as `controller` for `run_controller`."""
    command = arguments[1] if len(arguments) > 1 else "manage"
    return command.removeprefix("run_").removeprefix("db_").replace("_", "-")

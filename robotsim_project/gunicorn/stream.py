"""Configuration of the stream server: `gunicorn --config python:robotsim_project.gunicorn.stream`.

One event loop serves all streams. The server answers all other requests as well.
"""

from typing import Any

from robotsim_project.gunicorn import shared

_settings = shared.read_settings()

bind = f"0.0.0.0:{_settings.WEB_PORT}"
worker_class = "robotsim_project.gunicorn.worker.StreamWorker"
workers = 1
timeout = 60
graceful_timeout = shared.GRACE_SECONDS
keepalive = shared.KEEPALIVE_SECONDS
worker_tmp_dir = shared.heartbeat_folder()
control_socket_disable = True  # it would be in the home folder, which may be read-only or missing
logconfig_dict = _settings.LOGGING
# Otherwise X-Forwarded-For of any client on this machine would be trusted; see TRUSTED_PROXIES.
forwarded_allow_ips = ""


def on_starting(server: Any) -> None:
    """Run in the master, before the worker."""
    shared.clean_metrics()


def child_exit(server: Any, worker: Any) -> None:
    """Run in the master when the worker has ended."""
    shared.forget_worker(worker.pid)

"""The web server, of `gunicorn --config python:robotsim_project.gunicorn.web`."""

from typing import Any

from robotsim_project.gunicorn import shared

_settings = shared.read_settings()

# Made before the workers, which share what it remembers.
from robotsim_project.health import draining, readiness  # noqa: E402, F401

bind = f"0.0.0.0:{_settings.WEB_PORT}"
worker_class = "robotsim_project.gunicorn.worker.WebWorker"
workers = _settings.WEB_WORKERS
threads = _settings.WEB_THREADS
timeout = 60
graceful_timeout = shared.GRACE_SECONDS
keepalive = shared.KEEPALIVE_SECONDS
worker_tmp_dir = shared.scratch()
control_socket_disable = True  # it would lie in the home folder, which may be read-only or absent
logconfig_dict = _settings.LOGGING
# Who called is told by TRUSTED_PROXIES, and whether over HTTPS by Django.
forwarded_allow_ips = ""


def on_starting(server: Any) -> None:
    """Run in the master, before the first worker."""
    shared.clean_metrics()


def post_worker_init(worker: Any) -> None:
    """Run in each worker, when its handlers of signals are set up."""
    draining.listen()


def child_exit(server: Any, worker: Any) -> None:
    """Run in the master when a worker has ended."""
    shared.forget_worker(worker.pid)

"""Configuration of the web server: `gunicorn --config python:robotsim_project.gunicorn.web`."""

from typing import Any

from robotsim_project.gunicorn import shared

_settings = shared.read_settings()

# Imported before the workers are forked, which share its memory.
from robotsim_project.health import draining, readiness  # noqa: E402, F401

bind = f"0.0.0.0:{_settings.WEB_PORT}"
worker_class = "robotsim_project.gunicorn.worker.WebWorker"
workers = _settings.WEB_WORKERS
threads = _settings.WEB_THREADS
timeout = 60
graceful_timeout = shared.GRACE_SECONDS
keepalive = shared.KEEPALIVE_SECONDS
worker_tmp_dir = shared.heartbeat_folder()
control_socket_disable = True  # it would be in the home folder, which may be read-only or missing
logconfig_dict = _settings.LOGGING
# TRUSTED_PROXIES decides the client's address, and Django whether the request came over HTTPS.
forwarded_allow_ips = ""


def on_starting(server: Any) -> None:
    """Run in the master, before the first worker."""
    shared.clean_metrics()


def post_worker_init(worker: Any) -> None:
    """Run in each worker, after its signal handlers are installed."""
    draining.install_handlers()


def child_exit(server: Any, worker: Any) -> None:
    """Run in the master when a worker has ended."""
    shared.forget_worker(worker.pid)

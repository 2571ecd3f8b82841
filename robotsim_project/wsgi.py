"""WSGI entry point, for gunicorn's thread workers."""

import os

from django.core.wsgi import get_wsgi_application

from common.processes import PRIVATE_UMASK
from robotsim_project.telemetry import start

os.umask(PRIVATE_UMASK)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
start.start("server")
django = get_wsgi_application()

# Imported after the apps are loaded. `server_started` gives units time to report again before they count as
# lost.
from robotsim_project.health import readiness  # noqa: E402
from robotsim_project.middleware.body_limit_wsgi import body_limit  # noqa: E402
from robotsim_project.processes import garbage, presence  # noqa: E402

application = body_limit(django)
garbage.freeze_loaded()
readiness.watch_start()
presence.start("server")

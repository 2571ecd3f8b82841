"""ASGI entry point."""

import os

from django.core.asgi import get_asgi_application

from common.processes import PRIVATE_UMASK
from robotsim_project.telemetry import start

os.umask(PRIVATE_UMASK)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
start.start("stream")
django = get_asgi_application()

# Imported after the apps are loaded. `server_started` gives units time to report again before they count as
# lost.
from robotsim_project.health import readiness  # noqa: E402
from robotsim_project.middleware.body_limit_asgi import body_limit  # noqa: E402
from robotsim_project.middleware.early_asgi import early_posts  # noqa: E402
from robotsim_project.middleware.full_disk import full_disk  # noqa: E402
from robotsim_project.middleware.streaming import streaming  # noqa: E402
from robotsim_project.processes import garbage, presence  # noqa: E402

application = body_limit(early_posts(streaming(full_disk(django))))

garbage.freeze_loaded()
readiness.watch_start()
presence.start("server")

"""WSGI entry point, for gunicorn's thread workers."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
application = get_wsgi_application()

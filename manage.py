#!/usr/bin/env python
"""Django's command line for robotsim."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from robotsim_project.telemetry import start

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
    try:
        start.start(start.process_of(sys.argv))
        execute_from_command_line(sys.argv)
    except (
        ImproperlyConfigured
    ) as error:  # the sentence names the setting; where it was read helps nobody
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"error: {error}")

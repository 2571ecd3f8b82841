#!/usr/bin/env python
"""Django's command line for robotsim."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from common.processes import PRIVATE_UMASK
from robotsim_project.telemetry import start

OF_THE_PROJECT = frozenset({"collectstatic", "makemigrations", "makemessages", "compilemessages"})
"""Commands that write files of the project, not of an installation."""

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
    if not OF_THE_PROJECT.intersection(sys.argv[1:2]):
        os.umask(PRIVATE_UMASK)
    try:
        start.start(start.process_of(sys.argv))
        execute_from_command_line(sys.argv)
    except (
        ImproperlyConfigured
    ) as error:  # the sentence names the setting; where it was read helps nobody
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"error: {error}")

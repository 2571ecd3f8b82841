"""Two processes of one server count a heartbeat each; the metrics of a third have the sum."""

import subprocess
import sys
from pathlib import Path

from robotsim_project.environment import BASE_DIR

PROCESS = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "robotsim_project.settings"
django.setup()
from django.test import Client
from django.conf import settings
client = Client(headers={"Host": "localhost"})
"""
BEAT = PROCESS + 'client.get(f"{settings.API_STR}/units/report")'
TELL = PROCESS + 'print(client.get("/metrics").content.decode())'


def added_up(environment: dict[str, str], folder: Path) -> str:
    """Read /metrics."""
    environment = environment | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    for words in (BEAT, BEAT, TELL):
        done = subprocess.run(
            [sys.executable, "-c", words],
            cwd=BASE_DIR,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    return done.stdout

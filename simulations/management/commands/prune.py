"""Delete data that is older than the settings RETENTION_*."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from simulations.services.maintenance.retention import prune


class Command(BaseCommand):
    """Prints a JSON object with the numbers of deleted rows as its last line."""

    help = "Delete events, agent runs, logs and recordings that are older than their retention."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(json.dumps(prune()))

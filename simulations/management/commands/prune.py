"""Carry the retention out: what is older than the settings RETENTION_* say is removed."""

import json
from typing import Any

from django.core.management.base import BaseCommand

from simulations.services.maintenance.retention import prune


class Command(BaseCommand):
    """The last line is a JSON object that counts what was removed."""

    help = "Remove events, agent runs, logs and recordings that are older than their retention."

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(json.dumps(prune()))

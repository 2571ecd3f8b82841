"""Purge simulations, templates and rosbags that were deleted some time ago."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from simulations.services.maintenance.retention import purge

MAX_DAYS = 36500


class Command(BaseCommand):
    """Prints a JSON object with the numbers of purged rows as its last line."""

    help = "Permanently remove simulations, templates and rosbags deleted more than DAYS days ago."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=float, required=True, metavar="DAYS")

    def handle(self, *_args: Any, older_than: float, **_options: Any) -> None:
        if not 0 <= older_than <= MAX_DAYS:
            raise CommandError(_("Give --older-than as days from 0 to 36500."))
        self.stdout.write(json.dumps(purge(timedelta(days=older_than))))

"""Remove for good what was deleted some time ago."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from simulations.services.maintenance.retention import purge

MOST_DAYS = 36500


class Command(BaseCommand):
    """The last line is a JSON object that counts what was removed."""

    help = "Remove simulations, templates and rosbags that were deleted more than some days ago."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=float, required=True, metavar="DAYS")

    def handle(self, *_args: Any, older_than: float, **_options: Any) -> None:
        if not 0 <= older_than <= MOST_DAYS:
            raise CommandError(_("Give --older-than as days from 0 to 36500."))
        self.stdout.write(json.dumps(purge(timedelta(days=older_than))))

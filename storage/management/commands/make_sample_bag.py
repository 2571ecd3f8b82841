"""Write the sample bundle: a robot that drives a course."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from rosbag2.errors import BagError
from rosbag2.writing.sample import make_sample

MIN_SECONDS, MAX_SECONDS = 0.1, 3600.0


class Command(BaseCommand):
    """Writes the same bytes each time for the same duration."""

    help = "Write a rosbag2 folder of a robot that drives a course; the same bytes each time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder to create")
        parser.add_argument("--seconds", type=float, default=10.0, help="duration of the drive")

    def handle(self, *_args: Any, path: Path, seconds: float, **_options: Any) -> None:
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            message = _("Give a duration from %(min)g to %(max)g seconds.")
            raise CommandError(message % {"min": MIN_SECONDS, "max": MAX_SECONDS})
        try:
            make_sample(path, seconds=seconds)
        except (BagError, OSError, ValueError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            raise CommandError(f"{path}: {cause}") from error
        self.stdout.write(str(path))

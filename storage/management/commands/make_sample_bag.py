"""Make the sample bundle: a robot that drives a course."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from rosbag2.errors import BagError
from rosbag2.writing.sample import make_sample

LEAST_SECONDS, MOST_SECONDS = 0.1, 3600.0


class Command(BaseCommand):
    """The same bytes each time, for the same length."""

    help = "Write a rosbag2 folder of a robot that drives a course; the same bytes each time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder to make")
        parser.add_argument("--seconds", type=float, default=10.0, help="length of the drive")

    def handle(self, *_args: Any, path: Path, seconds: float, **_options: Any) -> None:
        if not LEAST_SECONDS <= seconds <= MOST_SECONDS:
            message = _("Give a length from %(least)g to %(most)g seconds.")
            raise CommandError(message % {"least": LEAST_SECONDS, "most": MOST_SECONDS})
        try:
            make_sample(path, seconds=seconds)
        except (BagError, OSError, ValueError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            raise CommandError(f"{path}: {cause}") from error
        self.stdout.write(str(path))

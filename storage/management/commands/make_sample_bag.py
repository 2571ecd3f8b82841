"""Make the sample bundle: a robot that drives a course."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rosbag2.errors import BagError
from rosbag2.sample import make_sample


class Command(BaseCommand):
    """The same bytes each time, for the same length."""

    help = "Write a rosbag2 folder of a robot that drives a course; the same bytes each time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder to make")
        parser.add_argument("--seconds", type=float, default=10.0, help="length of the drive")

    def handle(self, *_args: Any, path: Path, seconds: float, **_options: Any) -> None:
        try:
            make_sample(path, seconds=seconds)
        except (BagError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(path))

"""Run a module of this package with Django set up: `python -m launcher.jobs NAME ARGS`.

The launcher itself does not load Django; what needs it is a job in a process of its own.
"""

import importlib
import os
import signal
import sys
from types import FrameType

import django

EXIT_INTERRUPTED = 130


def main(name: str, args: list[str]) -> int:
    """Run the `main` of one module.

    Returns:
        Its exit code, or 130 when a signal ended it.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "robotsim_project.settings")
        django.setup()
        return int(importlib.import_module(f"launcher.{name}").main(args))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

"""The command `run_controller`; the loop is in `robotsim_project.processes.controller`."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from robotsim_project.processes.controller import Controller


class Command(BaseCommand):
    """Run the controller. Several may run at once, and each may be killed at any moment."""

    help = "Run the controller until it is stopped (SIGTERM, Ctrl-C)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        controller = Controller()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: controller.stop())
        controller.run()

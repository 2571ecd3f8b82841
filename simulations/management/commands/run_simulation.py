"""Start a simulation by name, and optionally watch its execution."""

import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from rich.console import Console

from simulations.exceptions import SimulationError
from simulations.management.preflight import show_preflight
from simulations.management.results import show_result
from simulations.management.watching import watch
from simulations.models import Execution, Simulation
from simulations.services.designs.preflight import preflight
from simulations.services.runs import lifecycle

FAILED = 1
REFUSED = 2
INTERRUPTED = 130


class Command(BaseCommand):
    """Prints the id of the execution; returns at once without --watch."""

    help = (
        "Start a simulation. With --watch the exit code is 0 if it is COMPLETED, 1 if it ended otherwise; "
        "2 if it cannot start."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="name of the simulation")
        parser.add_argument(
            "--check",
            action="store_true",
            help="start nothing: check what would speak against it; the exit code is 0 or 1",
        )
        parser.add_argument("--watch", action="store_true", help="show the progress until it ends")

    def handle(self, *_args: Any, name: str, watch: bool, check: bool, **_options: Any) -> None:
        if check:
            self._check(name)
            return
        execution = self._start(name)
        self.stdout.write(str(execution.pk))
        if watch:
            self._watch(execution)

    def _check(self, name: str) -> None:
        result = preflight(self._simulation(name), requested_by=None)
        show_preflight(result, Console())
        if not result.ok:
            sys.exit(FAILED)

    def _simulation(self, name: str) -> Simulation:
        simulation = Simulation.objects.living().filter(name=name).first()
        if simulation is None:
            self._refuse(_("There is no simulation named %(name)s.") % {"name": name})
        return simulation

    def _start(self, name: str) -> Execution:
        simulation = self._simulation(name)
        try:
            return lifecycle.start(simulation)
        except SimulationError as error:
            self._refuse(str(error))

    def _refuse(self, message: str) -> NoReturn:
        self.stderr.write(message)
        sys.exit(REFUSED)

    def _watch(self, execution: Execution) -> None:
        console = Console()
        try:
            execution = watch(execution, console)
        except KeyboardInterrupt:
            # The controller runs the execution; this terminal only watches.
            self.stderr.write(_("Execution %(id)s continues.") % {"id": execution.pk})
            sys.exit(INTERRUPTED)
        show_result(execution, console)
        if execution.status != "COMPLETED":
            sys.exit(FAILED)

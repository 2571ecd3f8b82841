"""The demo: run a bundle, show a progress bar and a table, and print a JSON summary as the last line.

With the argument `once`, given by `make run`, it is skipped when there are executions already, and prints no
JSON. With `last` the stack ends after it, so other active executions are stopped.
"""

import json
import os
import sys
from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _
from rich.console import Console

from common.exceptions import DomainError
from launcher.bundles import import_bundle, sample
from launcher.demo_design import demo_simulation
from launcher.jobs import EXIT_INTERRUPTED
from launcher.options import DemoOptions
from launcher.shutdown import stop_all, stopper
from simulations.choices import Stopper
from simulations.exceptions import NotRunningError
from simulations.management.results import show_result
from simulations.management.watching import watch
from simulations.models import Execution, Simulation
from simulations.services.progress.results import summary
from simulations.services.runs import lifecycle
from storage.exceptions import StorageError
from storage.models import Rosbag

EXIT_FAILED = 1
EXIT_REFUSED = 2
START_ERRORS = (DomainError, OSError)
EMPTY_SUMMARY: dict[str, Any] = {
    "execution": None,
    "status": None,
    "data_status": None,
    "agents": None,
    "messages_published": None,
    "messages_undelivered": None,
    "messages_late": None,
    "start_skew_us_max": None,
    "lateness_us_p99": None,
    "recordings": None,
    "cpu_seconds": None,
    "memory_peak_bytes": None,
    "cpu_cores_requested": None,
    "memory_requested_bytes": None,
    "seconds": None,
}
"""The summary of a demo that could not start."""


def main(args: list[str]) -> int:
    """Run the demo.

    Returns:
        Exit code: 0 completed with all data, 1 not completed, 2 could not start, 130 interrupted.
    """
    console = Console()
    if "once" in args and Execution.objects.exists():
        console.print(describe_data(), highlight=False)
        return 0
    try:
        code, outcome = run(DemoOptions.read(os.environ), console)
    except KeyboardInterrupt as error:
        if args:
            stop_all(stopper(error.args[0]))  # while the services still run
        return EXIT_INTERRUPTED
    if "last" in args:
        stop_all(Stopper.DEMO)
    if "once" not in args:
        sys.stdout.write(json.dumps(outcome) + "\n")
    return code


def run(options: DemoOptions, console: Console) -> tuple[int, dict[str, Any]]:
    """Run a bundle.

    Returns:
        Exit code and summary.

    Raises:
        KeyboardInterrupt: A signal ended it; its execution is stopping.
    """
    execution = None
    try:
        execution = lifecycle.start(prepare(options))
        execution = watch(execution, console)
    except START_ERRORS as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED, EMPTY_SUMMARY
    except KeyboardInterrupt as error:
        if execution is not None:
            with suppress(NotRunningError):  # it has just ended
                lifecycle.stop(execution, stopped_by=stopper(error.args[0]))
        raise
    show_result(execution, console)
    outcome = summary(execution)
    complete = (outcome["status"], outcome["data_status"]) == ("COMPLETED", "COMPLETE")
    return (0 if complete else EXIT_FAILED), outcome


def prepare(options: DemoOptions) -> Simulation:
    """Import the bundle and create the simulation."""
    rosbag = sample() if options.bag is None else import_bundle(options.bag)
    if not rosbag.usable:
        raise StorageError(rosbag.sentence)
    for warning in rosbag.warning_sentences:
        sys.stderr.write(f"{warning}\n")
    return demo_simulation(rosbag, options, os.environ.get("ENDPOINT", ""))


def describe_data() -> str:
    """Describe the data of earlier runs."""
    latest = Execution.objects.order_by("pk").last()
    values = {
        "rosbags": Rosbag.objects.usable().count(),
        "simulations": Simulation.objects.living().count(),
        "executions": Execution.objects.count(),
        "latest": latest.pk if latest else "",
        "status": latest.status if latest else "",
    }
    message = _(
        "Rosbags: %(rosbags)d, simulations: %(simulations)d, executions: %(executions)d; "
        "the latest, %(latest)s, is %(status)s."
    )
    return message % values

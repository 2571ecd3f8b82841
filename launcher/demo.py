"""The demo: a bundle, a fleet, a progress bar, a table, and a JSON summary as the last line.

With the word `once` it belongs to `make run`: it is left out when there are executions already, and prints
no JSON. With `last` the stack ends after it, so that other executions under way are stopped.
"""

import json
import os
import sys
from typing import Any

from django.utils.translation import gettext as _
from rich.console import Console

from common.exceptions import DomainError
from launcher.bundles import bring_in, sample
from launcher.demo_design import demo_simulation
from launcher.jobs import INTERRUPTED
from launcher.options import DemoOptions
from launcher.shutdown import stop_all
from simulations.management.results import show_result
from simulations.management.watching import watch
from simulations.models import Execution, Simulation
from simulations.services.progress.results import summary
from simulations.services.runs import lifecycle
from storage.exceptions import StorageError
from storage.models import Rosbag

FAILED = 1
REFUSED = 2
REFUSALS = (DomainError, OSError)
NOTHING: dict[str, Any] = {
    "execution": None,
    "status": None,
    "data_status": None,
    "agents": None,
    "messages_published": None,
    "start_skew_us_max": None,
    "lateness_us_p99": None,
    "recordings": None,
    "seconds": None,
}
"""The summary of a demo that could not start."""


def main(words: list[str]) -> int:
    """Run the demo; exit code 0 completed with all data, 1 not, 2 it could not start, 130 interrupted."""
    console = Console()
    if "once" in words and Execution.objects.exists():
        console.print(what_is_there(), highlight=False)
        return 0
    code, outcome = run(DemoOptions.read(os.environ), console)
    if "last" in words or ("once" in words and code == INTERRUPTED):
        stop_all()  # the services go after this
    if "once" not in words and code != INTERRUPTED:
        sys.stdout.write(json.dumps(outcome) + "\n")
    return code


def run(options: DemoOptions, console: Console) -> tuple[int, dict[str, Any]]:
    """Run a bundle as the options say; the answer is an exit code and the summary."""
    execution = None
    try:
        execution = lifecycle.start(prepare(options))
        execution = watch(execution, console)
    except REFUSALS as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED, NOTHING
    except KeyboardInterrupt:
        if execution is not None:
            lifecycle.stop(execution)
        return INTERRUPTED, NOTHING
    show_result(execution, console)
    outcome = summary(execution)
    good = (outcome["status"], outcome["data_status"]) == ("COMPLETED", "COMPLETE")
    return (0 if good else FAILED), outcome


def prepare(options: DemoOptions) -> Simulation:
    """The simulation that the options ask for, its bundle imported."""
    rosbag = sample() if options.bag is None else bring_in(options.bag)
    if not rosbag.usable:
        raise StorageError(rosbag.sentence)
    for warning in rosbag.warning_sentences:
        sys.stderr.write(f"{warning}\n")
    return demo_simulation(rosbag, options, os.environ.get("ENDPOINT", ""))


def what_is_there() -> str:
    """What an earlier run left in the database."""
    latest = Execution.objects.order_by("pk").last()
    words = {
        "rosbags": Rosbag.objects.usable().count(),
        "simulations": Simulation.objects.living().count(),
        "executions": Execution.objects.count(),
        "latest": latest.pk if latest else "",
        "status": latest.status if latest else "",
    }
    sentence = _(
        "Rosbags: %(rosbags)d, simulations: %(simulations)d, executions: %(executions)d; "
        "the latest, %(latest)s, is %(status)s."
    )
    return sentence % words

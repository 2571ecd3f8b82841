"""Stop the active executions before the server ends: recordings are kept, no unit is left."""

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
from django.conf import settings

from simulations.backends.local import running_units
from simulations.choices import ENDED, Stopper
from simulations.exceptions import NotRunningError
from simulations.models import Execution
from simulations.services.runs import lifecycle

MAX_SECONDS = 4.5
"""Time for uploads of recordings; those that are not stored by then stay in the units' folders."""
_POLL_SECONDS = 0.1


def main(args: list[str]) -> int:
    """Stop all executions; the argument names the signal that ended the launcher.

    Returns:
        Exit code.
    """
    stop_all(stopper(signal.Signals[args[0]]))
    return 0


def stopper(received: int) -> Stopper:
    """Stopper of executions when this signal ends the launcher or one of its jobs."""
    return Stopper.INTERRUPT if received == signal.SIGINT else Stopper.LAUNCHER


def stop_all(stopped_by: Stopper) -> None:
    """Stop every execution, wait until they have ended, then kill the remaining units.

    Signals are ignored from here on, as the time is limited.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    deadline = time.monotonic() + MAX_SECONDS
    active = Execution.objects.exclude(status__in=ENDED)
    for execution in active:
        with suppress(NotRunningError):  # already stopping or ended
            lifecycle.stop(execution, stopped_by=stopped_by)
    while active.all().exists() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    kill_units(settings.DATA_DIR)


def kill_units(data_dir: Path) -> int:
    """Kill the units that work in this data folder.

    Returns:
        Number of killed units.
    """
    killed = 0
    for process in running_units(data_dir):
        with suppress(psutil.Error):  # ended meanwhile
            process.kill()
            killed += 1
    return killed

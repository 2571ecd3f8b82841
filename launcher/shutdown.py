"""Stops the executions under way before their server goes: what was recorded is kept, no unit is left."""

import signal
import time
from contextlib import suppress
from pathlib import Path

import psutil
from django.conf import settings

from simulations.backends.local import living_units
from simulations.choices import ENDED
from simulations.exceptions import NotRunningError
from simulations.models import Execution
from simulations.services.runs import lifecycle

LIMIT_SECONDS = 4.5
"""How long recordings may take to arrive; what is not in storage by then stays in the units' folders."""
_POLL_SECONDS = 0.1


def main(words: list[str]) -> int:
    """Stop all; the answer is an exit code."""
    stop_all()
    return 0


def stop_all(limit: float = LIMIT_SECONDS) -> None:
    """Stop every execution, wait until they have ended, then kill units that are still there.

    It has its own limit, so signals are no longer heard.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    deadline = time.monotonic() + limit
    active = Execution.objects.exclude(status__in=ENDED)
    for execution in active:
        with suppress(NotRunningError):  # it stops or ends already
            lifecycle.stop(execution)
    while active.all().exists() and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    kill_units(settings.DATA_DIR)


def kill_units(data_dir: Path) -> int:
    """Kill the units that work in this data folder; the answer is how many there were."""
    killed = 0
    for process in living_units(data_dir):
        with suppress(psutil.Error):  # gone meanwhile
            process.kill()
            killed += 1
    return killed

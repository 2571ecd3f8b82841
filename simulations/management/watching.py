"""The progress of an execution in a terminal."""

import time
from collections.abc import Callable

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simulations.models import Execution
from simulations.services.progress import progress as live
from simulations.services.progress.progress import progress_of

POLL_SECONDS = 0.2
LINE_STEP = 10.0
"""Percent between two lines."""

Show = Callable[[live.Progress], None]


def watch(execution: Execution, console: Console) -> Execution:
    """Show the progress of an execution until it has ended.

    A terminal shows bars, other outputs get a line now and then.

    Returns:
        The ended execution.
    """
    if console.is_terminal:
        with bars(console) as display:
            return _follow(execution, Bars(display))
    return _follow(execution, Lines(console))


def bars(console: Console) -> Progress:
    """Make the display of the bars; leaving it ends it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[details]}"),
        console=console,
    )


class Bars:
    """A bar for the execution and one for each stage."""

    def __init__(self, display: Progress) -> None:
        self._display = display
        self._tasks: dict[int, TaskID] = {}

    def __call__(self, progress: live.Progress) -> None:
        self._set(-1, _("All"), progress.overall, f"{progress.status}  {details_of(progress)}")
        for stage in progress.stages:
            self._set(stage.position, stage.name, stage.percent, str(stage.status))

    def _set(self, key: int, title: str, percent: float, details: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._display.add_task(title, total=100.0, details=details)
        self._display.update(
            self._tasks[key], completed=percent, description=title, details=details
        )


class Lines:
    """A line when the status changes, and at each step of ten percent."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, int] | None = None

    def __call__(self, progress: live.Progress) -> None:
        current = (str(progress.status), int(progress.overall // LINE_STEP))
        if current != self._last:
            self._last = current
            self._console.print(
                f"{progress.status}  {progress.overall:.0f} %  {details_of(progress)}"
            )


def details_of(progress: live.Progress) -> str:
    """Summarise the agents by state and the messages that they have sent."""
    states = ", ".join(f"{count} {state}" for state, count in progress.agents.items() if count)
    values = {
        "states": states or f"{progress.planned_agents}",
        "messages": progress.messages_published,
    }
    return _("agents: %(states)s; messages: %(messages)d") % values


def _follow(execution: Execution, show: Show) -> Execution:
    while True:
        execution.refresh_from_db()
        show(progress_of(execution))
        if execution.ended:
            return execution
        time.sleep(POLL_SECONDS)

"""What a person at a terminal sees of an execution: a progress bar, then a table of the result."""

import time
from collections.abc import Callable

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from simulations.models import Execution
from simulations.services.progress import progress as live
from simulations.services.progress.progress import progress_of

POLL_SECONDS = 0.2
PLAIN_STEP = 10.0
"""Percent between two lines where there is no terminal."""

Show = Callable[[live.Progress], None]


def watch(execution: Execution, console: Console) -> Execution:
    """Show the progress of an execution until it has ended; the answer is its last state.

    In a terminal it is a bar for the whole and for each stage, elsewhere a line now and then.
    """
    if console.is_terminal:
        with bars(console) as shown:
            return _follow(execution, Bars(shown))
    return _follow(execution, Lines(console))


def bars(console: Console) -> Progress:
    """The frame of the bars; it is removed when all is done."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
    )


class Bars:
    """A bar for the execution and one for each stage."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown
        self._tasks: dict[int, TaskID] = {}

    def __call__(self, seen: live.Progress) -> None:
        self._set(-1, _("All"), seen.overall, f"{seen.status}  {note_of(seen)}")
        for stage in seen.stages:
            self._set(stage.position, stage.name, stage.percent, str(stage.status))

    def _set(self, key: int, title: str, percent: float, note: str) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._shown.add_task(title, total=100.0, note=note)
        self._shown.update(self._tasks[key], completed=percent, description=title, note=note)


class Lines:
    """A line when the status changes, and at each step of ten percent."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[str, int] | None = None

    def __call__(self, seen: live.Progress) -> None:
        current = (str(seen.status), int(seen.overall // PLAIN_STEP))
        if current != self._last:
            self._last = current
            self._console.print(f"{seen.status}  {seen.overall:.0f} %  {note_of(seen)}")


def note_of(seen: live.Progress) -> str:
    """How many agents are in which state, and what they have sent."""
    states = ", ".join(f"{count} {state}" for state, count in seen.agents.items() if count)
    words = {"states": states or f"{seen.planned_agents}", "messages": seen.messages_published}
    return _("agents: %(states)s; messages: %(messages)d") % words


def _follow(execution: Execution, show: Show) -> Execution:
    while True:
        execution.refresh_from_db()
        show(progress_of(execution))
        if execution.ended:
            return execution
        time.sleep(POLL_SECONDS)

"""Progress of a backup or a restore in the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from backups.create import ProgressCallback


@contextmanager
def show_progress(console: Console, *, quiet: bool) -> Iterator[ProgressCallback]:
    """Show a bar per step in a terminal, a line per step elsewhere, nothing when `quiet`."""
    if quiet:
        yield lambda _step, _done, _total: None
    elif console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, TimeElapsedColumn(), console=console) as frame:
            yield Bars(frame)
    else:
        yield Lines(console)


class Bars:
    """A progress bar per step."""

    def __init__(self, frame: Progress) -> None:
        self._frame = frame
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._frame.add_task(step, total=total or None)
        self._frame.update(self._tasks[step], completed=done, total=total or None)


class Lines:
    """A line per step, when it begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def __call__(self, step: str, _done: int, total: int) -> None:
        if step != self._last:
            self._last = step
            size = f" ({decimal(total)})" if total else ""
            self._console.print(f"{step}{size}", highlight=False)

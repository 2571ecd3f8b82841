"""What a person at a terminal sees of a backup or a restore."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from backups.create import Tell


@contextmanager
def shown(console: Console, *, quiet: bool) -> Iterator[Tell]:
    """In a terminal a bar for each step, elsewhere a line; nothing for `quiet`."""
    if quiet:
        yield lambda _step, _done, _whole: None
    elif console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, TimeElapsedColumn(), console=console) as frame:
            yield Bars(frame)
    else:
        yield Lines(console)


class Bars:
    """A bar for each step."""

    def __init__(self, frame: Progress) -> None:
        self._frame = frame
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, step: str, done: int, whole: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._frame.add_task(step, total=whole or None)
        self._frame.update(self._tasks[step], completed=done, total=whole or None)


class Lines:
    """A line when a step begins."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""

    def __call__(self, step: str, _done: int, whole: int) -> None:
        if step != self._last:
            self._last = step
            size = f" ({decimal(whole)})" if whole else ""
            self._console.print(f"{step}{size}", highlight=False)

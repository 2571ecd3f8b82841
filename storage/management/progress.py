"""What a person at a terminal sees of an import: how much is stored, then how much is checked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

OnBytes = Callable[[int], None]


class ImportBars:
    """A bar for each step; nothing is shown where there is no terminal."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    def storing(self, path: Path) -> OnBytes:
        """A bar for what is stored; of an archive nobody knows beforehand how much that is."""
        total = None
        if path.is_dir():
            total = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return self._bar(_("Storing"), total)

    def checking(self, size: int) -> OnBytes:
        """A bar for what is checked, of so many bytes."""
        return self._bar(_("Checking"), size)

    def _bar(self, title: str, total: int | None) -> OnBytes:
        task: TaskID = self._shown.add_task(title, total=total)

        def advance(done: int) -> None:
            # What is unpacked on the way is more than what is stored.
            self._shown.update(task, completed=done if total is None else min(done, total))

        return advance


@contextmanager
def import_bars() -> Iterator[ImportBars]:
    """The frame of the bars, on standard error; it goes when all is done."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as shown:
        yield ImportBars(shown)

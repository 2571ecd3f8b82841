"""Progress bars of an import on a terminal."""

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


class ImportProgress:
    """A progress bar for each step of an import."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def storing(self, path: Path) -> OnBytes:
        """Add a bar for storing; the total of an archive is unknown beforehand."""
        total = None
        if path.is_dir():
            total = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return self._bar(_("Storing"), total)

    def checking(self, size: int) -> OnBytes:
        """Add a bar for verifying `size` bytes."""
        return self._bar(_("Verifying"), size)

    def _bar(self, title: str, total: int | None) -> OnBytes:
        task: TaskID = self._progress.add_task(title, total=total)

        def advance(done: int) -> None:
            # More bytes may be unpacked than are stored.
            self._progress.update(task, completed=done if total is None else min(done, total))

        return advance


@contextmanager
def import_progress() -> Iterator[ImportProgress]:
    """Show progress bars on standard error if it is a terminal; they disappear at the end."""
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
    ) as progress:
        yield ImportProgress(progress)

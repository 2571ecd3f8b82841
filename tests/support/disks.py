"""Small disks: a file system of its own in memory, which only root may mount."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

from common import disks

MAY_MOUNT = os.geteuid() == 0


@contextmanager
def small_disk(folder: Path, megabytes: int = 4) -> Iterator[Path]:
    """Mount a disk of this size.

    Whoever may not gets a folder for which `has_room` says what `fill` and `free` have made of it.
    """
    folder.mkdir()
    folder.chmod(0o777)
    if not MAY_MOUNT:
        with mock.patch.object(disks.tempfile, "TemporaryFile", _temporary_file):
            yield folder
        return
    options = f"size={megabytes}m,mode=0777"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> None:
    """Leave no byte free."""
    with suppress(OSError), (folder / "ballast").open("ab", buffering=0) as file:
        while MAY_MOUNT and file.write(bytes(1 << 12)):
            pass


def free(folder: Path) -> None:
    """Free what `fill` has taken."""
    (folder / "ballast").unlink()


_usual = disks.tempfile.TemporaryFile


def _temporary_file(dir: Path, buffering: int) -> object:
    if (dir / "ballast").exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return _usual(dir=dir, buffering=buffering)

"""Local copies of stored rosbags, for those who read their data; bounded, the least used goes first.

Any number of processes may use one folder. Whoever reads a copy holds a shared lock on it, who fills or
removes it an exclusive one; the kernel gives the lock of a killed process back.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

from storage.choices import USABLE, Status
from storage.exceptions import ObjectNotFoundError, RosbagUnreadyError
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import StoreError

MARK = ".whole"


@contextmanager
def local_copy(rosbag: Rosbag) -> Iterator[Path]:
    """The folder of a rosbag on this machine, whole, for as long as the block lasts; only to be read.

    Raises:
        RosbagUnreadyError: it is not verified yet, was rejected, or is larger than the cache.
        ObjectNotFoundError: the storage has lost one of its files.
        StoreError: the storage or the disk is away or full.
    """
    require_usable(rosbag)
    root = settings.DATA_DIR / "bags"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{rosbag.pk}-{rosbag.content_digest[:16]}"
    while True:
        with _locked(folder, fcntl.LOCK_SH) as lock:
            if lock is not None and (folder / MARK).exists():
                os.utime(folder / MARK)
                yield folder
                return
        with _locked(folder, fcntl.LOCK_EX) as lock:
            if lock is not None and not (folder / MARK).exists():
                _make_room(root, rosbag.size)
                _fill(rosbag, folder)


def require_usable(rosbag: Rosbag) -> None:
    """Refuse a rosbag that is not verified, was rejected, or is damaged itself (RosbagUnreadyError)."""
    if rosbag.status in USABLE:
        return
    if rosbag.status == Status.REJECTED:
        message = _("This rosbag was rejected: %(reason)s")
        raise RosbagUnreadyError(message % {"reason": rosbag.sentence})
    if rosbag.status == Status.REPAIRED:
        made = rosbag.repaired
        if made is None or made.deleted_at is not None:
            raise RosbagUnreadyError(
                _("What was made of this damaged rosbag was deleted: verify it again.")
            )
        message = _("This rosbag is damaged and was repaired: ask for rosbag %(id)d instead.")
        raise RosbagUnreadyError(message % {"id": made.pk})
    raise RosbagUnreadyError(_("This rosbag is not verified yet: ask again once it is ready."))


def forget(rosbag_id: int) -> None:
    """Remove the copies of a rosbag that nobody reads."""
    root = settings.DATA_DIR / "bags"
    for folder in root.glob(f"{rosbag_id}-*"):
        if folder.suffix != ".lock":
            _remove(folder)


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[IO[bytes] | None]:
    """The lock of a copy; None when it was not free (asked without waiting), or its file went meanwhile."""
    path = folder.with_name(f"{folder.name}.lock")
    with path.open("ab") as lock:
        got = False
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(lock, kind)
            got = path.stat().st_ino == os.fstat(lock.fileno()).st_ino
        yield lock if got else None


def _fill(rosbag: Rosbag, folder: Path) -> None:
    """Fetch the files into a folder of their own, then give it its name."""
    shutil.rmtree(folder, ignore_errors=True)
    partial = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for file in rosbag.files.all():
            object_store().fetch(file.key, partial / file.path)
        (partial / MARK).touch()
        partial.rename(folder)
    except FileNotFoundError as error:
        message = _("A file of this rosbag is no longer in the storage: upload the bag again.")
        raise ObjectNotFoundError(message) from error
    except OSError as error:
        message = _(
            "The folder for copies of rosbags cannot be used (%(reason)s): free some space."
        )
        raise StoreError(message % {"reason": error.strerror}) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _make_room(root: Path, needed: int) -> None:
    """Remove the copies that were used longest ago, until the new one fits.

    Raises:
        RosbagUnreadyError: it can never fit.
    """
    most = settings.BAG_CACHE_BYTES
    if needed > most:
        message = _(
            "This rosbag has %(size)d bytes and previews may keep %(most)d on this machine: raise "
            "BAG_CACHE_BYTES."
        )
        raise RosbagUnreadyError(message % {"size": needed, "most": most})
    found = sorted(_used(root))
    total = sum(size for _time, size, _folder in found)
    for _time, size, folder in found:
        if total + needed <= most:
            return
        if _remove(folder):
            total -= size


def _used(root: Path) -> Iterator[tuple[float, int, Path]]:
    for mark in root.glob(f"*/{MARK}"):
        with suppress(FileNotFoundError):
            size = sum(path.stat().st_size for path in mark.parent.rglob("*") if path.is_file())
            yield mark.stat().st_mtime, size, mark.parent


def _remove(folder: Path) -> bool:
    """Remove a copy unless somebody reads it."""
    with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
        if lock is None:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.name).unlink(missing_ok=True)
    return True

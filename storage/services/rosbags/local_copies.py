"""A bounded cache of local copies of rosbags, evicting the least recently used.

Any number of processes may share the folder. Readers of a copy hold a shared lock on it, writers an
exclusive one; the kernel releases the locks of killed processes.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from storage.services.rosbags.files import FILES_AT_ONCE

COMPLETE_MARKER = ".whole"


@contextmanager
def local_copy(rosbag: Rosbag) -> Iterator[Path]:
    """Provide a complete, read-only local copy of a rosbag for the duration of the block.

    Yields:
        The folder of the bundle.

    Raises:
        RosbagUnreadyError: It is not verified yet, was rejected, or is larger than the cache.
        ObjectNotFoundError: An object is missing in the storage.
        StoreError: The storage or the disk is unavailable or full.
    """
    require_usable(rosbag)
    root = settings.DATA_DIR / "bags"
    root.mkdir(parents=True, exist_ok=True)
    folder = root / f"{rosbag.pk}-{rosbag.content_digest[:16]}"
    while True:
        with _locked(folder, fcntl.LOCK_SH) as lock:
            if lock is not None and (folder / COMPLETE_MARKER).exists():
                os.utime(folder / COMPLETE_MARKER)
                yield folder
                return
        with _locked(folder, fcntl.LOCK_EX) as lock:
            if lock is not None and not (folder / COMPLETE_MARKER).exists():
                _make_room(root, rosbag.size)
                _fill(rosbag, folder)


def require_usable(rosbag: Rosbag) -> None:
    """Refuse a rosbag that cannot be read.

    Raises:
        RosbagUnreadyError: It is not verified, was rejected, or is damaged.
    """
    if rosbag.status in USABLE:
        return
    if rosbag.status == Status.REJECTED:
        message = _("This rosbag was rejected: %(reason)s")
        raise RosbagUnreadyError(message % {"reason": rosbag.sentence})
    if rosbag.status == Status.REPAIRED:
        repaired = rosbag.repaired
        if repaired is None or repaired.deleted_at is not None:
            raise RosbagUnreadyError(
                _("The repaired copy of this damaged rosbag was deleted: verify it again.")
            )
        message = _("This rosbag is damaged and was repaired: use rosbag %(id)d instead.")
        raise RosbagUnreadyError(message % {"id": repaired.pk})
    raise RosbagUnreadyError(_("This rosbag is not verified yet: try again when it is ready."))


def remove_copies(rosbag_id: int) -> None:
    """Remove the copies of a rosbag that have no readers."""
    root = settings.DATA_DIR / "bags"
    for folder in root.glob(f"{rosbag_id}-*"):
        if folder.suffix != ".lock":
            _remove(folder)


@contextmanager
def _locked(folder: Path, operation: int) -> Iterator[IO[bytes] | None]:
    """Lock a copy; None when the lock is taken (with LOCK_NB) or its file was removed meanwhile."""
    path = folder.with_name(f"{folder.name}.lock")
    with path.open("ab") as lock:
        acquired = False
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(lock, operation)
            acquired = path.stat().st_ino == os.fstat(lock.fileno()).st_ino
        yield lock if acquired else None


def _fill(rosbag: Rosbag, folder: Path) -> None:
    """Fetch the files into a temporary folder, then rename it, so that copies are always complete."""
    shutil.rmtree(folder, ignore_errors=True)
    partial = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        store = object_store()
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            files = list(rosbag.files.all())
            for _fetched in pool.map(
                lambda file: store.fetch(file.key, partial / file.path), files
            ):
                pass
        (partial / COMPLETE_MARKER).touch()
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
    """Evict the least recently used copies until the new one fits.

    Raises:
        RosbagUnreadyError: It is larger than the whole cache.
    """
    limit = settings.BAG_CACHE_BYTES
    if needed > limit:
        message = _(
            "This rosbag has %(size)d bytes, but the cache of local copies is limited to %(limit)d: raise "
            "BAG_CACHE_BYTES."
        )
        raise RosbagUnreadyError(message % {"size": needed, "limit": limit})
    copies = sorted(_copies_by_use(root))
    total = sum(size for _time, size, _folder in copies)
    for _time, size, folder in copies:
        if total + needed <= limit:
            return
        if _remove(folder):
            total -= size


def _copies_by_use(root: Path) -> Iterator[tuple[float, int, Path]]:
    for mark in root.glob(f"*/{COMPLETE_MARKER}"):
        with suppress(FileNotFoundError):
            size = sum(path.stat().st_size for path in mark.parent.rglob("*") if path.is_file())
            yield mark.stat().st_mtime, size, mark.parent


def _remove(folder: Path) -> bool:
    """Remove a copy unless it has readers."""
    with _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
        if lock is None:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        Path(lock.name).unlink(missing_ok=True)
    return True

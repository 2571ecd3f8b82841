"""Which backups stay, and which contents the mirror still needs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from backups.exceptions import BackupError
from backups.manifest import Manifest
from backups.mirror import Mirror, wanted
from backups.repository import STALE, Shelf
from storage.objects import object_store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Removed:
    """What was too old: backups, contents of the mirror, and their bytes."""

    backups: int = 0
    objects: int = 0
    object_bytes: int = 0


def thin(shelf: Shelf, now: datetime, keep_days: int) -> Removed:
    """Remove backups older than this, then contents that no kept backup and no rosbag needs.

    The newest backup stays however old it is, and so does the newest with its objects. When a kept one cannot
    be read, no content is removed: nobody knows what it needs.
    """
    found = [_read(shelf, name) for name in shelf.names()]
    known = [manifest for manifest in found if manifest is not None]
    kept = _kept(known, now - timedelta(days=keep_days))
    old = [manifest.name for manifest in known if manifest.name not in kept]
    for name in old:
        shelf.remove(name)
    needed = _needed(shelf, [manifest for manifest in known if manifest.name in kept])
    if needed is None or len(known) < len(found):
        return Removed(len(old))
    objects, size = Mirror(object_store(), shelf.store).thin(needed, now - STALE)
    return Removed(len(old), objects, size)


def _kept(manifests: list[Manifest], limit: datetime) -> set[str]:
    kept = {manifest.name for manifest in manifests if manifest.time >= limit}
    whole = [manifest.name for manifest in manifests if manifest.mirrored]
    return kept | {manifest.name for manifest in manifests[-1:]} | set(whole[-1:])


def _needed(shelf: Shelf, kept: list[Manifest]) -> set[str] | None:
    needed = {file.sha256 for file in wanted()}
    try:
        for manifest in kept:
            needed.update(file.sha256 for file in shelf.files(manifest))
    except BackupError as error:
        log.warning("backup_unreadable", reason=str(error))
        return None
    return needed


def _read(shelf: Shelf, name: str) -> Manifest | None:
    try:
        return shelf.manifest(name)
    except BackupError as error:
        log.warning("backup_unreadable", reason=str(error))
        return None

"""Remove old backups, and the contents of the mirror that nothing needs any longer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from backups.exceptions import BackupError
from backups.manifest import Manifest
from backups.mirror import Mirror, stored_files
from backups.repository import STALE_AFTER, Repository
from storage.objects import object_store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PruneResult:
    """Numbers of removed backups and mirrored objects, and the size of the latter in bytes."""

    backups: int = 0
    objects: int = 0
    object_bytes: int = 0


def prune(repository: Repository, now: datetime, keep_days: int) -> PruneResult:
    """Remove backups older than `keep_days`, then contents that no kept backup and no rosbag needs.

    The newest backup stays however old it is, and so does the newest with its objects. When the manifest of a
    kept one cannot be read, no content is removed, as it is not known what that backup needs.
    """
    names = repository.names()
    manifests = [manifest for name in names if (manifest := _read(repository, name)) is not None]
    kept = _kept(manifests, now - timedelta(days=keep_days))
    old = [manifest.name for manifest in manifests if manifest.name not in kept]
    for name in old:
        repository.remove(name)
    needed = _needed(repository, [manifest for manifest in manifests if manifest.name in kept])
    if needed is None or len(manifests) < len(names):
        return PruneResult(len(old))
    objects, size = Mirror(object_store(), repository.store).prune(needed, now - STALE_AFTER)
    return PruneResult(len(old), objects, size)


def _kept(manifests: list[Manifest], limit: datetime) -> set[str]:
    recent = {manifest.name for manifest in manifests if manifest.time >= limit}
    complete = [manifest.name for manifest in manifests if manifest.mirrored]
    return recent | {manifest.name for manifest in manifests[-1:]} | set(complete[-1:])


def _needed(repository: Repository, kept: list[Manifest]) -> set[str] | None:
    needed = {file.sha256 for file in stored_files()}
    try:
        for manifest in kept:
            needed.update(file.sha256 for file in repository.files(manifest))
    except BackupError as error:
        log.warning("backup_unreadable", reason=str(error))
        return None
    return needed


def _read(repository: Repository, name: str) -> Manifest | None:
    try:
        return repository.manifest(name)
    except BackupError as error:
        log.warning("backup_unreadable", reason=str(error))
        return None

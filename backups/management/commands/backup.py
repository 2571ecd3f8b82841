"""The command `backup`: back up database and rosbags."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

import structlog
from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.filesize import decimal

from backups.create import BackupJob, BackupResult
from backups.exceptions import BackupError
from backups.management.output import show_progress
from backups.mirror import CopyResult
from simulations.exceptions import RedisUnreachableError
from simulations.live import system
from storage.objects.base import StoreError

log = structlog.get_logger(__name__)
EXIT_INCOMPLETE = 1
EXIT_REFUSED = 2


class Command(BaseCommand):
    """Back up database and rosbags; safe to kill and run again, as copied objects stay."""

    help = (
        "Back up database and rosbags to the bucket BACKUP_BUCKET. Exit code 0 when the backup is complete, "
        "1 when objects are missing or damaged in the storage (they are listed), 2 when no backup was made."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--database-only", action="store_true", help="leave the objects out")
        only.add_argument("--objects-only", action="store_true", help="only copy the objects")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(
        self,
        *_args: Any,
        database_only: bool,
        objects_only: bool,
        json: bool,
        **_options: Any,
    ) -> None:
        try:
            with show_progress(Console(), quiet=json) as progress:
                result = BackupJob(progress).run(
                    database=not objects_only, objects=not database_only
                )
        except (BackupError, StoreError, DatabaseError, OSError) as error:
            self._refuse(str(error).strip(), as_json=json)
        if not (database_only or objects_only):
            _report_time(result)
        self.stdout.write(_as_json(result) if json else _as_text(result))
        if result.missing:
            sys.exit(EXIT_INCOMPLETE)

    def _refuse(self, message: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"backup": None, "error": message}))
        else:
            self.stderr.write(message)
        sys.exit(EXIT_REFUSED)


def _report_time(result: BackupResult) -> None:
    """Report the time of the backup to the live state, where the servers read it for monitoring.

    The servers have no credentials for the repository.
    """
    if result.manifest is None:
        return
    try:
        system.record_backup(result.manifest.time.timestamp())
    except RedisUnreachableError as error:
        log.warning("backup_not_noted", error=str(error))


def _as_json(result: BackupResult) -> str:
    manifest = result.manifest
    return json.dumps(
        {
            "backup": manifest.name if manifest else None,
            "dump_bytes": manifest.dump_size if manifest else None,
            "rosbags": manifest.rosbags if manifest else None,
            "objects": manifest.objects if manifest else None,
            "object_bytes": manifest.object_bytes if manifest else None,
            "copied": result.copies[CopyResult.COPIED],
            "copied_bytes": result.copied_bytes,
            "missing": result.missing,
            "removed_backups": result.removed.backups,
            "removed_objects": result.removed.objects,
            "seconds": round(result.seconds, 2),
        }
    )


def _as_text(result: BackupResult) -> str:
    lines = [
        _("missing or damaged in the storage: %(key)s") % {"key": key} for key in result.missing
    ]
    if manifest := result.manifest:
        values = {
            "name": manifest.name,
            "size": decimal(manifest.dump_size),
            "objects": manifest.objects,
            "bytes": decimal(manifest.object_bytes),
        }
        line = _("Backup %(name)s: database %(size)s, %(objects)d objects of %(bytes)s")
        lines.append(line % values)
    values = {
        "copied": result.copies[CopyResult.COPIED],
        "bytes": decimal(result.copied_bytes),
        "backups": result.removed.backups,
        "objects": result.removed.objects,
        "seconds": result.seconds,
    }
    line = _(
        "%(copied)d objects copied (%(bytes)s); removed: %(backups)d backups, %(objects)d objects; "
        "%(seconds).1f s"
    )
    return "\n".join([*lines, line % values])

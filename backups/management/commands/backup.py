"""Back the system up: its database and its rosbags."""

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

from backups.create import Made, Taker
from backups.exceptions import BackupError
from backups.management.output import shown
from backups.mirror import Fate
from simulations.exceptions import LiveAwayError
from simulations.live import system
from storage.objects.base import StoreError

log = structlog.get_logger(__name__)
FAULTS = 1
REFUSED = 2


class Command(BaseCommand):
    """Killed at any time, it may be run again: what was copied stays."""

    help = (
        "Back up database and rosbags to the bucket BACKUP_BUCKET. Exit code 0 when all is there, 1 when "
        "objects were missing or damaged in the storage (they are named), 2 when no backup was made."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--database-only", action="store_true", help="leave the objects out")
        only.add_argument("--objects-only", action="store_true", help="only bring the mirror up")
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
            with shown(Console(), quiet=json) as tell:
                made = Taker(tell).run(database=not objects_only, objects=not database_only)
        except (BackupError, StoreError, DatabaseError, OSError) as error:
            self._refuse(str(error).strip(), as_json=json)
        if not (database_only or objects_only):
            _note(made)
        self.stdout.write(_as_json(made) if json else _as_text(made))
        if made.lost:
            sys.exit(FAULTS)

    def _refuse(self, sentence: str, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"backup": None, "error": sentence}))
        else:
            self.stderr.write(sentence)
        sys.exit(REFUSED)


def _note(made: Made) -> None:
    """Say where monitoring looks that there is a new one. The servers have no key of the backups."""
    if made.manifest is None:
        return
    try:
        system.backup_made(made.manifest.time.timestamp())
    except LiveAwayError as error:
        log.warning("backup_not_noted", error=str(error))


def _as_json(made: Made) -> str:
    manifest = made.manifest
    return json.dumps(
        {
            "backup": manifest.name if manifest else None,
            "dump_bytes": manifest.dump_size if manifest else None,
            "rosbags": manifest.rosbags if manifest else None,
            "objects": manifest.objects if manifest else None,
            "object_bytes": manifest.object_bytes if manifest else None,
            "copied": made.fates[Fate.COPIED],
            "copied_bytes": made.copied_bytes,
            "missing": made.lost,
            "removed_backups": made.removed.backups,
            "removed_objects": made.removed.objects,
            "seconds": round(made.seconds, 2),
        }
    )


def _as_text(made: Made) -> str:
    lines = [_("missing or damaged in the storage: %(key)s") % {"key": key} for key in made.lost]
    if manifest := made.manifest:
        words = {
            "name": manifest.name,
            "size": decimal(manifest.dump_size),
            "objects": manifest.objects,
            "bytes": decimal(manifest.object_bytes),
        }
        line = _("Backup %(name)s: database %(size)s, which names %(objects)d objects of %(bytes)s")
        lines.append(line % words)
    words = {
        "copied": made.fates[Fate.COPIED],
        "bytes": decimal(made.copied_bytes),
        "backups": made.removed.backups,
        "objects": made.removed.objects,
        "seconds": made.seconds,
    }
    line = _(
        "%(copied)d objects copied (%(bytes)s); removed: %(backups)d backups, %(objects)d objects; "
        "%(seconds).1f s"
    )
    return "\n".join([*lines, line % words])

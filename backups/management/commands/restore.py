"""The command `restore`: restore database and rosbags from a backup."""

import json
import sys
import traceback
from argparse import ArgumentParser
from contextlib import suppress
from dataclasses import asdict
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _
from rich.console import Console
from rich.filesize import decimal

from backups import restore, restore_marker
from backups.exceptions import BackupError
from backups.management.output import show_progress
from backups.manifest import Manifest
from backups.mirror import CopyResult
from backups.repository import LATEST, Repository
from backups.restore import RestoreJob, RestoreResult
from storage.objects import backup_store
from storage.objects.base import StoreError

EXIT_UNHEALTHY = 1
EXIT_REFUSED = 2
EXIT_UNFINISHED = 3
ERRORS = (BackupError, StoreError, DatabaseError, OSError)


class Command(BaseCommand):
    """Restore a backup; killed at any time, the same command continues."""

    help = (
        "Restore database and rosbags from a backup; stop all other processes first. Exit code 0 when the "
        "storage check after it finds nothing wrong, 1 when it does, 2 when nothing was restored, 3 when "
        "the restore is unfinished: run it again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "backup", nargs="?", default=LATEST, help="name of the backup (default: latest)"
        )
        parser.add_argument("--list", action="store_true", help="list all backups, change nothing")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="replace the data of a database that is not empty",
        )
        parser.add_argument(
            "--incomplete", action="store_true", help="restore even if the mirror lacks objects"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, backup: str, **options: Any) -> None:
        self._as_json = bool(options["json"])
        try:
            if options["list"]:
                self._list()
                return
            manifest = restore.find_backup(backup)
            self._confirm(manifest, confirmed=options["yes"])
            with show_progress(Console(), quiet=self._as_json) as progress:
                result = RestoreJob(manifest, progress).run(
                    replace=options["replace"], incomplete=options["incomplete"]
                )
        except ERRORS as error:
            self._refuse(str(error).strip())
        except Exception:  # noqa: BLE001  a crash must not look like exit code 1
            traceback.print_exc(file=sys.stderr)
            sys.exit(EXIT_UNFINISHED)
        self.stdout.write(_json(result) if self._as_json else _text(result))
        if not result.report.healthy:
            sys.exit(EXIT_UNHEALTHY)

    def _list(self) -> None:
        repository = Repository(backup_store())
        rows: list[dict[str, Any]] = []
        for name in reversed(repository.names()):
            try:
                manifest = repository.manifest(name)
            except BackupError as error:
                rows.append({"name": name, "error": str(error)})
            else:
                rows.append(asdict(manifest))
        if self._as_json:
            self.stdout.write(json.dumps(rows))
        elif not rows:
            self.stdout.write(_("There is no backup yet: `manage.py backup` makes one."))
        else:
            self.stdout.write("\n".join(map(_line, rows)))

    def _confirm(self, manifest: Manifest, *, confirmed: bool) -> None:
        if confirmed:
            return
        if not sys.stdin.isatty():
            self._refuse(_("There is no terminal to ask for confirmation: add --yes."))
        question = _("Restore backup %(name)s of %(time)s? Type yes: ")
        if input(question % {"name": manifest.name, "time": manifest.made_at}).strip() != "yes":
            self._refuse(_("Nothing was restored."))

    def _refuse(self, message: str) -> NoReturn:
        """Print an error and exit; the exit code tells whether the restore is unfinished."""
        code = EXIT_REFUSED
        if _is_unfinished():
            code = EXIT_UNFINISHED
            message += _(" The rows are restored, the rest is not: run the same command again.")
        if self._as_json:
            self.stdout.write(json.dumps({"backup": None, "error": message}))
        else:
            self.stderr.write(message)
        sys.exit(code)


def _is_unfinished() -> bool:
    with suppress(DatabaseError):
        return restore_marker.unfinished() is not None
    return False


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['name']}  {row['error']}"
    values = {
        "name": row["name"],
        "size": decimal(row["dump_size"]),
        "objects": row["objects"],
        "bytes": decimal(row["object_bytes"]),
        "version": row["robotsim"],
        "note": "" if row["mirrored"] else _("  (database only)"),
    }
    if row["missing"]:
        values["note"] += _("  (%(count)d objects were missing)") % {"count": len(row["missing"])}
    return (
        _(
            "%(name)s  database %(size)s, %(objects)d objects of %(bytes)s, version %(version)s%(note)s"
        )
        % values
    )


def _json(result: RestoreResult) -> str:
    report = result.report
    return json.dumps(
        {
            "backup": result.manifest.name,
            "copied": result.copies[CopyResult.COPIED],
            "copied_bytes": result.copied_bytes,
            "held": result.copies[CopyResult.PRESENT],
            "stopped_executions": result.stopped,
            "migrated": result.migrated,
            "missing": [fault.key for fault in report.missing],
            "wrong_size": [fault.key for fault in report.wrong_size],
            "orphaned": len(report.orphaned),
            "healthy": report.healthy,
            "seconds": round(result.seconds, 2),
        }
    )


def _text(result: RestoreResult) -> str:
    report = result.report
    lines = [_("missing: %(key)s") % {"key": fault.key} for fault in report.missing]
    lines += [_("wrong size: %(key)s") % {"key": fault.key} for fault in report.wrong_size]
    values = {
        "name": result.manifest.name,
        "copied": result.copies[CopyResult.COPIED],
        "bytes": decimal(result.copied_bytes),
        "present": result.copies[CopyResult.PRESENT],
        "stopped": result.stopped,
        "migrated": len(result.migrated),
        "seconds": result.seconds,
    }
    lines.append(
        _(
            "Backup %(name)s is restored: %(copied)d objects copied (%(bytes)s), %(present)d were already "
            "there; %(stopped)d executions stopped, %(migrated)d migrations; %(seconds).1f s"
        )
        % values
    )
    counts = {
        "missing": len(report.missing),
        "wrong": len(report.wrong_size),
        "orphaned": len(report.orphaned),
    }
    line = _("Storage: %(missing)d missing, %(wrong)d of wrong size, %(orphaned)d orphaned")
    return "\n".join([*lines, line % counts])

"""Bring the system back from a backup."""

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
from backups.management.output import shown
from backups.manifest import Manifest
from backups.mirror import Fate
from backups.repository import LATEST, Shelf
from backups.restore import Restored, Restorer
from storage.objects import backup_store
from storage.objects.base import StoreError

FAULTS = 1
REFUSED = 2
BROKE_OFF = 3
ERRORS = (BackupError, StoreError, DatabaseError, OSError)


class Command(BaseCommand):
    """Killed at any time, the same command goes on."""

    help = (
        "Restore database and rosbags from a backup; all other processes must have ended. Exit code 0 when "
        "the check of the storage is clean after it, 1 when it is not, 2 when nothing was restored, 3 when "
        "it broke off and is to be run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("backup", nargs="?", default=LATEST, help="its name (default: latest)")
        parser.add_argument("--list", action="store_true", help="name all backups, change nothing")
        parser.add_argument(
            "--replace", action="store_true", help="lose what the database holds now"
        )
        parser.add_argument(
            "--incomplete", action="store_true", help="restore though the mirror lacks objects"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, backup: str, **options: Any) -> None:
        self._as_json = bool(options["json"])
        try:
            if options["list"]:
                self._list()
                return
            manifest = restore.find(backup)
            self._ask(manifest, sure=options["yes"])
            with shown(Console(), quiet=self._as_json) as tell:
                told = {name: options[name] for name in ("replace", "incomplete")}
                restored = Restorer(manifest, tell).run(**told)
        except ERRORS as error:
            self._refuse(str(error).strip())
        except Exception:  # noqa: BLE001  a crash must not look like exit code 1
            traceback.print_exc(file=sys.stderr)
            sys.exit(BROKE_OFF)
        self.stdout.write(_json(restored) if self._as_json else _text(restored))
        if not restored.report.healthy:
            sys.exit(FAULTS)

    def _list(self) -> None:
        shelf = Shelf(backup_store())
        found: list[dict[str, Any]] = []
        for name in reversed(shelf.names()):
            try:
                manifest = shelf.manifest(name)
            except BackupError as error:
                found.append({"name": name, "error": str(error)})
            else:
                found.append(asdict(manifest))
        if self._as_json:
            self.stdout.write(json.dumps(found))
        elif not found:
            self.stdout.write(_("There is no backup yet: `manage.py backup` makes one."))
        else:
            self.stdout.write("\n".join(_line(each) for each in found))

    def _ask(self, manifest: Manifest, *, sure: bool) -> None:
        if sure:
            return
        if not sys.stdin.isatty():
            self._refuse(_("Say --yes: there is nobody to ask whether to restore."))
        question = _("Restore backup %(name)s of %(time)s? Type yes: ")
        if input(question % {"name": manifest.name, "time": manifest.made_at}).strip() != "yes":
            self._refuse(_("Nothing was restored."))

    def _refuse(self, sentence: str) -> NoReturn:
        """Say why. Where the rows are restored and only what follows is not, say that too."""
        code = REFUSED
        if _half_done():
            code = BROKE_OFF
            sentence += _(" The rows are restored, the rest is not: run the same command again.")
        if self._as_json:
            self.stdout.write(json.dumps({"backup": None, "error": sentence}))
        else:
            self.stderr.write(sentence)
        sys.exit(code)


def _half_done() -> bool:
    with suppress(DatabaseError):
        return restore_marker.unfinished() is not None
    return False


def _line(told: dict[str, Any]) -> str:
    if "error" in told:
        return f"{told['name']}  {told['error']}"
    words = {
        "name": told["name"],
        "size": decimal(told["dump_size"]),
        "objects": told["objects"],
        "bytes": decimal(told["object_bytes"]),
        "version": told["robotsim"],
        "note": "" if told["mirrored"] else _("  (database only)"),
    }
    if told["missing"]:
        words["note"] += _("  (%(count)d objects were missing)") % {"count": len(told["missing"])}
    return (
        _(
            "%(name)s  database %(size)s, %(objects)d objects of %(bytes)s, version %(version)s%(note)s"
        )
        % words
    )


def _json(restored: Restored) -> str:
    report = restored.report
    return json.dumps(
        {
            "backup": restored.manifest.name,
            "copied": restored.fates[Fate.COPIED],
            "copied_bytes": restored.copied_bytes,
            "held": restored.fates[Fate.HELD],
            "stopped_executions": restored.stopped,
            "migrated": restored.migrated,
            "missing": [fault.key for fault in report.missing],
            "wrong_size": [fault.key for fault in report.wrong_size],
            "orphaned": len(report.orphaned),
            "healthy": report.healthy,
            "seconds": round(restored.seconds, 2),
        }
    )


def _text(restored: Restored) -> str:
    report = restored.report
    lines = [_("missing: %(key)s") % {"key": fault.key} for fault in report.missing]
    lines += [_("wrong size: %(key)s") % {"key": fault.key} for fault in report.wrong_size]
    words = {
        "name": restored.manifest.name,
        "copied": restored.fates[Fate.COPIED],
        "bytes": decimal(restored.copied_bytes),
        "held": restored.fates[Fate.HELD],
        "stopped": restored.stopped,
        "migrated": len(restored.migrated),
        "seconds": restored.seconds,
    }
    lines.append(
        _(
            "Backup %(name)s is restored: %(copied)d objects copied (%(bytes)s), %(held)d were there; "
            "%(stopped)d executions stopped, %(migrated)d migrations; %(seconds).1f s"
        )
        % words
    )
    counts = {
        "missing": len(report.missing),
        "wrong": len(report.wrong_size),
        "orphaned": len(report.orphaned),
    }
    line = _("Storage: %(missing)d missing, %(wrong)d of wrong size, %(orphaned)d orphaned")
    return "\n".join([*lines, line % counts])

"""Compare the database with the storage."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from storage.objects.base import StoreError
from storage.services.maintenance import integrity
from storage.services.maintenance.integrity import Report


class Command(BaseCommand):
    """Exits with 1 if a file is missing or has another size."""

    help = "Compare database and storage; exit code 1 if a file is missing or has another size."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="remove orphans older than a day, nothing else"
        )
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, repair: bool, json: bool, **_options: Any) -> None:
        try:
            report = integrity.check()
            removed = integrity.repair(report) if repair else []
        except StoreError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(_as_json(report, removed) if json else _as_text(report, removed))
        if not report.healthy:
            sys.exit(1)


def _as_json(report: Report, removed: list[str]) -> str:
    return json.dumps(
        {
            "missing": [asdict(mismatch) for mismatch in report.missing],
            "wrong_size": [asdict(mismatch) for mismatch in report.wrong_size],
            "orphaned": [
                {"key": stored.key, "size": stored.size, "modified": stored.modified.isoformat()}
                for stored in report.orphaned
            ],
            "removed": removed,
        }
    )


def _as_text(report: Report, removed: list[str]) -> str:
    lines = [_("missing: %(key)s") % {"key": mismatch.key} for mismatch in report.missing]
    lines += [
        _("wrong size: %(key)s has %(found)s bytes instead of %(size)s") % asdict(mismatch)
        for mismatch in report.wrong_size
    ]
    lines += [_("orphaned: %(key)s") % {"key": stored.key} for stored in report.orphaned]
    lines += [_("removed: %(key)s") % {"key": key} for key in removed]
    counts = {
        "missing": len(report.missing),
        "wrong": len(report.wrong_size),
        "orphaned": len(report.orphaned),
        "removed": len(removed),
    }
    lines.append(
        _(
            "%(missing)d missing, %(wrong)d of wrong size, %(orphaned)d orphaned, %(removed)d removed"
        )
        % counts
    )
    return "\n".join(lines)

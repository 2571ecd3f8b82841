"""Export a part of a rosbag as another rosbag or as a table."""

import json
import shutil
import sys
import time
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from common.exceptions import DomainError
from storage.choices import UNFINISHED, ExportFormat, ExportStatus
from storage.models import Export, Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.services.exports import exporter, exports
from storage.services.exports.exports import ExportOptions
from storage.services.verification import verifier

EXIT_FAILED = 2
POLL_SECONDS = 0.2


class Command(BaseCommand):
    """Exits with 0 on success, 2 on failure."""

    help = "Export a time range and topics of a rosbag; exit code 0 on success, 2 on failure."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rosbag", type=int, help="id of the rosbag")
        parser.add_argument("--format", choices=ExportFormat.values, default=ExportFormat.MCAP)
        parser.add_argument(
            "--topic",
            action="append",
            default=[],
            help="a topic; can be repeated (default: all)",
        )
        parser.add_argument(
            "--start", default="", help="seconds from the start such as 2.5s, ISO 8601, or ns"
        )
        parser.add_argument("--end", default="", help="the same")
        parser.add_argument(
            "--field", action="append", default=[], help="a column of a table (default: all)"
        )
        parser.add_argument(
            "--no-latched",
            action="store_true",
            help="leave out the last transient-local messages from before the start",
        )
        parser.add_argument("--name", default="", help="name of the new rosbag, or of the table")
        parser.add_argument("--output", type=Path, help="folder to copy the result to")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, rosbag: int, **options: Any) -> None:
        source = Rosbag.objects.living().filter(pk=rosbag).first()
        if source is None:
            raise CommandError(_("There is no rosbag %(id)d.") % {"id": rosbag})
        try:
            export = _wait_until_ended(exports.request(source, _to_options(options)))
            copied = _copy_files(export, options["output"]) if options["output"] else []
        except (DomainError, OSError) as error:
            self._print({"status": "failed", "sentence": str(error)}, str(error), options)
            sys.exit(EXIT_FAILED)
        outcome = _to_dict(export, copied)
        text = f"{export.name}: {export.get_status_display()} {export.sentence}".strip()
        self._print(outcome, "\n".join([text, *copied]), options)
        if export.status != ExportStatus.DONE:
            sys.exit(EXIT_FAILED)

    def _print(self, outcome: dict[str, Any], text: str, options: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(outcome) if options["json"] else text)


def _to_options(options: dict[str, Any]) -> ExportOptions:
    return ExportOptions(
        format=options["format"],
        topics=options["topic"],
        start=options["start"],
        end=options["end"],
        fields=options["field"],
        latched=not options["no_latched"],
        name=options["name"],
    )


def _wait_until_ended(export: Export) -> Export:
    """Make the export, or wait for the worker that does, and verify its rosbag."""
    while (export := exporter.run(export.pk)).status in UNFINISHED:
        time.sleep(POLL_SECONDS)
    if export.result is not None:
        with suppress(StoreError):  # it will be verified in the background
            export.result = verifier.run(export.result.pk)
    return export


def _copy_files(export: Export, folder: Path) -> list[str]:
    """Copy the files of the result into a folder; existing files are an error."""
    if export.status != ExportStatus.DONE:
        return []
    keys = {export.file.rpartition("/")[2]: export.file} if export.file else {}
    files = RosbagFile.objects.filter(rosbag=export.result) if export.result else []
    keys |= {file.path: file.key for file in files}
    folder.mkdir(parents=True, exist_ok=True)
    for name, key in keys.items():
        with object_store().open(key) as source, (folder / name).open("xb") as target:
            shutil.copyfileobj(source, target)
    return [str(folder / name) for name in keys]


def _to_dict(export: Export, copied: list[str]) -> dict[str, Any]:
    result = export.result
    return {
        "export": export.pk,
        "status": export.status,
        "code": export.code,
        "sentence": export.sentence,
        "message_count": export.message_count,
        "size": export.size,
        "rosbag": result.pk if result else None,
        "rosbag_status": result.status if result else None,
        "files": copied,
    }

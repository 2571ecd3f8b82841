"""Import a rosbag2 folder: store, verify and index it."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from storage import tasks
from storage.choices import Status
from storage.client.base import StoreError
from storage.exceptions import StorageError
from storage.models import Rosbag
from storage.services import intake, verification

REFUSED = 2
POLL_SECONDS = 0.2


class Command(BaseCommand):
    """Exit code 0 when the rosbag is ready, 2 when it is not."""

    help = "Store, verify and index a rosbag2 folder; exit code 0 when it is ready, 2 when not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="folder that holds metadata.yaml")
        parser.add_argument("--name", default="", help="name of the rosbag (default: the folder's)")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, path: Path, name: str, json: bool, **_options: Any) -> None:
        try:
            rosbag = intake.import_folder(path, name=name)
        except (StorageError, StoreError, OSError) as error:
            self._tell(_failure(error), as_json=json, text=str(error))
            sys.exit(REFUSED)
        rosbag, note = _verified(rosbag)
        lines = [f"{rosbag.name}: {rosbag.get_status_display()}", note or rosbag.sentence]
        lines += rosbag.warning_sentences
        self._tell(_outcome(rosbag), as_json=json, text="\n".join(filter(None, lines)))
        if not rosbag.usable:
            sys.exit(REFUSED)

    def _tell(self, outcome: dict[str, Any], *, as_json: bool, text: str) -> None:
        if as_json:
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(text)


def _verified(rosbag: Rosbag) -> tuple[Rosbag, str]:
    """The rosbag once verified, here or by a worker that was first; and a note when it was not."""
    try:
        while (rosbag := verification.run(rosbag.pk)).status == Status.VERIFYING:
            time.sleep(POLL_SECONDS)
    except StoreError as error:
        tasks.request_verification(rosbag.pk)
        note = _("It is stored; the verification is tried again in the background: %(reason)s")
        return rosbag, note % {"reason": error}
    return rosbag, ""


def _outcome(rosbag: Rosbag) -> dict[str, Any]:
    return {
        "rosbag": rosbag.pk,
        "status": rosbag.status,
        "code": rosbag.code,
        "sentence": rosbag.sentence,
        "warnings": [
            {"code": warning["code"], "sentence": sentence}
            for warning, sentence in zip(rosbag.warnings, rosbag.warning_sentences, strict=True)
        ],
        "message_count": rosbag.message_count,
    }


def _failure(error: Exception) -> dict[str, Any]:
    return {
        "rosbag": None,
        "status": "rejected",
        "code": getattr(error, "code", "FILE_UNREADABLE"),
        "sentence": str(error),
        "warnings": [],
        "message_count": None,
    }

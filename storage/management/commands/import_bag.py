"""Import a rosbag2 bundle: store, verify and index it, and repair it where that is needed."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from common.exceptions import DomainError
from storage.choices import USABLE, Status
from storage.management.progress import ImportBars, import_bars
from storage.models import Rosbag
from storage.objects.base import StoreError
from storage.services.intake import imports
from storage.services.verification import repairs, verifier

REFUSED = 2
POLL_SECONDS = 0.2
GOOD = USABLE | {Status.REPAIRED}


class Command(BaseCommand):
    """Exit code 0 when there is a rosbag that can be played, 2 when there is none."""

    help = (
        "Store, verify and index a rosbag2 bundle: its folder, a .zip or .tar of it, or one .mcap or .db3 "
        "file; exit code 0 when it can be played, perhaps after a repair, 2 when not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", type=Path, help="folder, archive (.zip, .tar, .tar.gz, .tar.zst) or data file"
        )
        parser.add_argument("--name", default="", help="name of the rosbag (default: the path's)")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, path: Path, name: str, json: bool, **_options: Any) -> None:
        try:
            with import_bars() as bars:
                rosbag = imports.import_path(path, name=name, on_stored=bars.storing(path))
                rosbag, note = _verified(rosbag, bars)
        except (DomainError, OSError) as error:
            self._tell(_failure(error), as_json=json, text=str(error))
            sys.exit(REFUSED)
        self._tell(_outcome(rosbag), as_json=json, text=_lines(rosbag, note))
        if rosbag.status not in GOOD:
            sys.exit(REFUSED)

    def _tell(self, outcome: dict[str, Any], *, as_json: bool, text: str) -> None:
        if as_json:
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(text)


def _verified(rosbag: Rosbag, bars: ImportBars) -> tuple[Rosbag, str]:
    """The rosbag once verified, here or by a worker that was first; and a note when it was not."""
    if rosbag.status != Status.VERIFYING:
        return rosbag, ""
    show = bars.checking(rosbag.size)
    try:
        while (rosbag := verifier.run(rosbag.pk, show)).status == Status.VERIFYING:
            time.sleep(POLL_SECONDS)
    except StoreError as error:
        note = _("It is stored; the verification is tried again in the background: %(reason)s")
        return rosbag, note % {"reason": error}
    return rosbag, ""


def _lines(rosbag: Rosbag, note: str) -> str:
    """The outcome for people."""
    lines = [f"{rosbag.name}: {rosbag.get_status_display()}", note or rosbag.sentence]
    made = repairs.usable_version(rosbag)
    if made.pk != rosbag.pk:
        words = {"made": made.pk, "original": rosbag.pk}
        lines.append(_("Use rosbag %(made)d; the original is kept as %(original)d.") % words)
    return "\n".join(filter(None, [*lines, *rosbag.lost_sentences, *rosbag.warning_sentences]))


def _outcome(rosbag: Rosbag) -> dict[str, Any]:
    """The outcome for programs: of what was given, with the id of what can be used."""
    made = repairs.usable_version(rosbag)
    return {
        "rosbag": made.pk,
        "original": rosbag.pk if made.pk != rosbag.pk else None,
        "status": rosbag.status,
        "code": rosbag.code,
        "sentence": rosbag.sentence,
        "warnings": [
            {"code": warning["code"], "sentence": sentence}
            for warning, sentence in zip(rosbag.warnings, rosbag.warning_sentences, strict=True)
        ],
        "message_count": made.message_count,
        "lost_spans": [
            span | {"sentence": sentence}
            for span, sentence in zip(rosbag.lost_spans, rosbag.lost_sentences, strict=True)
        ],
    }


def _failure(error: Exception) -> dict[str, Any]:
    return {
        "rosbag": None,
        "original": None,
        "status": "rejected",
        "code": getattr(error, "code", "FILE_UNREADABLE"),
        "sentence": str(error),
        "warnings": [],
        "message_count": None,
        "lost_spans": [],
    }

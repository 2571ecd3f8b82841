"""Import a rosbag2 bundle: store, verify, index and, if needed, repair it."""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from common.exceptions import DomainError
from rosbag2.errors import bounded
from storage.choices import USABLE, Status, sentence
from storage.management.progress import ImportProgress, import_progress
from storage.models import Rosbag
from storage.objects.base import StoreError
from storage.services.intake import imports
from storage.services.verification import repairs, verifier

EXIT_FAILED = 2
POLL_SECONDS = 0.2
SUCCESSFUL = USABLE | {Status.REPAIRED}


class Command(BaseCommand):
    """Exits with 0 if the rosbag can be played, 2 if not."""

    help = (
        "Store, verify and index a rosbag2 bundle: its folder, a .zip or .tar of it, or one .mcap or .db3 "
        "file; exit code 0 if it can be played, possibly after a repair, 2 if not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "path", type=Path, help="folder, archive (.zip, .tar, .tar.gz, .tar.xz, …) or data file"
        )
        parser.add_argument("--name", default="", help="name of the rosbag (default: the path's)")
        parser.add_argument("--json", action="store_true", help="print one line of JSON")

    def handle(self, *_args: Any, path: Path, name: str, json: bool, **_options: Any) -> None:
        try:
            with import_progress() as progress:
                rosbag = imports.import_path(path, name=name, on_stored=progress.storing(path))
                rosbag, note = _verify_now(rosbag, progress)
        except (DomainError, OSError) as error:
            outcome = _failure_to_dict(error, path)
            self._print(outcome, as_json=json, text=outcome["sentence"])
            sys.exit(EXIT_FAILED)
        self._print(_to_dict(rosbag), as_json=json, text=_to_text(rosbag, note))
        if rosbag.status not in SUCCESSFUL:
            sys.exit(EXIT_FAILED)

    def _print(self, outcome: dict[str, Any], *, as_json: bool, text: str) -> None:
        if as_json:
            self.stdout.write(json.dumps(outcome))
        else:
            self.stdout.write(text)


def _verify_now(rosbag: Rosbag, progress: ImportProgress) -> tuple[Rosbag, str]:
    """Verify the rosbag, or wait for the worker that does.

    Returns:
        The rosbag, and a note if it could not be verified now.
    """
    if rosbag.status != Status.VERIFYING:
        return rosbag, ""
    on_bytes = progress.checking(rosbag.size)
    try:
        while (rosbag := verifier.run(rosbag.pk, on_bytes)).status == Status.VERIFYING:
            time.sleep(POLL_SECONDS)
    except StoreError as error:
        note = _("It is stored; verification will be retried in the background: %(reason)s")
        return rosbag, note % {"reason": error}
    return rosbag, ""


def _to_text(rosbag: Rosbag, note: str) -> str:
    """The outcome as text."""
    lines = [f"{rosbag.name}: {rosbag.get_status_display()}", note or rosbag.sentence]
    usable = repairs.usable_version(rosbag)
    if usable.pk != rosbag.pk:
        ids = {"made": usable.pk, "original": rosbag.pk}
        lines.append(_("Use rosbag %(made)d; the original is kept as %(original)d.") % ids)
    return "\n".join(filter(None, [*lines, *rosbag.lost_sentences, *rosbag.warning_sentences]))


def _to_dict(rosbag: Rosbag) -> dict[str, Any]:
    """The outcome as JSON: of the given bundle, with the id of the usable rosbag."""
    usable = repairs.usable_version(rosbag)
    return {
        "rosbag": usable.pk,
        "original": rosbag.pk if usable.pk != rosbag.pk else None,
        "status": rosbag.status,
        "code": rosbag.code,
        "sentence": rosbag.sentence,
        "warnings": [
            {"code": warning["code"], "sentence": sentence}
            for warning, sentence in zip(rosbag.warnings, rosbag.warning_sentences, strict=True)
        ],
        "message_count": usable.message_count,
        "lost_spans": [
            span | {"sentence": sentence}
            for span, sentence in zip(rosbag.lost_spans, rosbag.lost_sentences, strict=True)
        ],
    }


def _failure_to_dict(error: Exception, path: Path) -> dict[str, Any]:
    code, text = getattr(error, "code", ""), str(error)
    if isinstance(error, OSError):
        code = "FILE_UNREADABLE"
        values = {"file": error.filename or path, "reason": error.strerror or text}
        text = sentence(code, bounded({name: str(value) for name, value in values.items()}))
    return {
        "rosbag": None,
        "original": None,
        "status": "rejected",
        "code": code,
        "sentence": text,
        "warnings": [],
        "message_count": None,
        "lost_spans": [],
    }

"""Rosbags that tests start from."""

from pathlib import Path
from typing import Any
from unittest import mock

from rosbag2.checks.verdict import Verdict
from rosbag2.recovery import repair
from rosbag2.sandbox import checks
from storage.models import Rosbag
from storage.services.intake import imports
from storage.services.verification import verifier


def stored_bag(folder: Path, **options: Any) -> Rosbag:
    """Import a bundle and verify it in this process.

    The child process of a real verification takes half a second, and has tests of its own.
    """
    with mock.patch.object(checks, "verify_or_repair", _verify_or_repair):
        return verifier.run(imports.import_folder(folder, **options).pk)


def _verify_or_repair(source: Path, target: Path, **_options: Any) -> Verdict:
    return repair.verify_or_repair(source, target)

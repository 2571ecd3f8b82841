"""Rosbags for the demo: the sample, and the user's own."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rosbag2.writing.sample import make_sample
from storage.choices import Status
from storage.models import Rosbag
from storage.services.intake import imports
from storage.services.verification import repairs, verifier

SAMPLE = "sample"
_POLL_SECONDS = 0.1


def sample() -> Rosbag:
    """Return the sample rosbag; generate and import it first if there is none."""
    existing = Rosbag.objects.usable().filter(name=SAMPLE).order_by("pk").first()
    if existing is not None:
        return existing
    with TemporaryDirectory(prefix="robotsim-sample-") as folder:
        path = Path(folder) / SAMPLE
        make_sample(path)
        return import_bundle(path)


def import_bundle(path: Path) -> Rosbag:
    """Import a bundle and wait for its verification.

    Returns:
        The rosbag: usable, its repaired version, or rejected.

    Raises:
        StorageError: There is nothing to import, or the archive is refused.
        StoreError: The storage is unreachable or full.
        OSError: A file cannot be read.
    """
    rosbag = imports.import_path(path)
    while rosbag.status == Status.VERIFYING:
        rosbag = verifier.run(rosbag.pk)
        if rosbag.status == Status.VERIFYING:  # a worker is verifying it
            time.sleep(_POLL_SECONDS)
    return repairs.usable_version(rosbag)

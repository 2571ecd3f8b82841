"""Bundles for the demo: the sample, and the user's own."""

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
    """The sample rosbag; generated and imported when there is none."""
    present = Rosbag.objects.usable().filter(name=SAMPLE).order_by("pk").first()
    if present is not None:
        return present
    with TemporaryDirectory(prefix="robotsim-sample-") as folder:
        path = Path(folder) / SAMPLE
        make_sample(path)
        return bring_in(path)


def bring_in(path: Path) -> Rosbag:
    """Import a bundle and wait for the verdict: usable, perhaps repaired, or rejected with its sentence.

    Raises:
        StorageError: there is nothing to import, or an archive that is refused.
        StoreError: the storage is away or full.
        OSError: a file cannot be read.
    """
    rosbag = imports.import_path(path)
    while rosbag.status == Status.VERIFYING:
        rosbag = verifier.run(rosbag.pk)
        if rosbag.status == Status.VERIFYING:  # the worker was first
            time.sleep(_POLL_SECONDS)
    return repairs.usable_version(rosbag)

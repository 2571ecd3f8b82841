"""Temporary work folders of background tasks."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings


@contextmanager
def work_folder(kind: str, pk: int) -> Iterator[Path]:
    """Create a folder below DATA_DIR for a row; leftovers of killed workers are removed."""
    parent = settings.DATA_DIR / kind
    parent.mkdir(parents=True, exist_ok=True)
    for stale in parent.glob(f"{pk}-*"):
        shutil.rmtree(stale, ignore_errors=True)
    folder = Path(mkdtemp(prefix=f"{pk}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

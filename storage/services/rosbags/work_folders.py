"""Private folders of background work, one for each row that is worked on."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from django.conf import settings


@contextmanager
def work_folder(kind: str, pk: int) -> Iterator[Path]:
    """A folder below DATA_DIR for this row; what a killed worker left of it is removed."""
    parent = settings.DATA_DIR / kind
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{pk}-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=f"{pk}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

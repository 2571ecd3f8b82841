"""The files of a folder that belong to the bag: by name or content, without metadata.yaml being read."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from rosbag2.formats.bundle import DATA_SUFFIXES
from rosbag2.formats.metadata import FILE_NAME
from rosbag2.formats.signatures import MCAP, SQLITE

JOURNAL_SUFFIXES = ("-wal", "-journal", "-shm")
"""Suffixes of the files that SQLite keeps beside a database."""

_LITTER = {"thumbs.db", "desktop.ini", "icon\r"}


def is_litter(path: str) -> bool:
    """Return whether a system put the file there, not a person: it is left out without a word."""
    place = PurePosixPath(path)
    name = place.name.lower()
    if "__MACOSX" in place.parts[:1] or name.startswith("._"):
        return True
    return name in _LITTER or (name.startswith(".") and not name.endswith(DATA_SUFFIXES))


def own_files(folder: Path, paths: Iterable[str]) -> set[str]:
    """Those of the files in a folder that are the bag's: metadata.yaml, its data, and SQLite's beside them.

    Where there are no data, all are: what they are instead may tell what went wrong.
    """
    present = {path for path in paths if not is_litter(path)}
    data = {path for path in present if _is_data(folder / path)}
    beside = {path + suffix for path in data for suffix in JOURNAL_SUFFIXES}
    return present & (data | beside | {FILE_NAME}) if data else present


def _is_data(path: Path) -> bool:
    if path.name.endswith(DATA_SUFFIXES):
        return True
    with path.open("rb") as stream:
        return stream.read(len(SQLITE)).startswith((SQLITE, MCAP))

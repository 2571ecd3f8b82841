"""Which of the files beside a bag are the bag's: by name or content, without metadata.yaml being read."""

from pathlib import PurePosixPath

from rosbag2.formats.bundle import DATA_SUFFIXES

_LITTER = {"thumbs.db", "desktop.ini"}


def is_litter(path: str) -> bool:
    """Return whether a system put the file there, not a person: it is left out without a word."""
    place = PurePosixPath(path)
    name = place.name.lower()
    if place.parts[0] == "__MACOSX" or name.startswith("._"):
        return True
    return name in _LITTER or (name.startswith(".") and not name.endswith(DATA_SUFFIXES))

"""Object keys of the storage, and the file paths that a bundle may have."""

from rosbag2.formats.names import MAX_PART_BYTES, is_visible

PREFIX = "rosbags/"
PREVIEWS = "derived/"
"""Cached previews; not below a bundle's prefix, as a bundle may have a folder of any name."""
EXPORTS = "exports/"
STAGED = "uploads/"
"""Followed by the key of the file that an upload brings; S3 only."""
MAX_PATH_LENGTH = 400


def object_key(rosbag_id: int, path: str) -> str:
    """Key of a file, such as `rosbags/12/metadata.yaml`."""
    return f"{PREFIX}{rosbag_id}/{path}"


def preview_key(rosbag_id: int, name: str = "") -> str:
    """Key of a cached preview of a rosbag, or the prefix of all of them."""
    return f"{PREVIEWS}{rosbag_id}/{name}"


def export_key(export_id: int, name: str = "") -> str:
    """Key of the file of an export that is not a rosbag, or its prefix."""
    return f"{EXPORTS}{export_id}/{name}"


def rosbag_id_of(key: str) -> int | None:
    """Id of the rosbag that a key belongs to; None for other keys."""
    return id_of(key, PREFIX)


def id_of(key: str, prefix: str) -> int | None:
    """The number after a prefix; None for other keys."""
    number = key.removeprefix(prefix).partition("/")[0]
    return int(number) if key.startswith(prefix) and number.isascii() and number.isdigit() else None


def is_key(key: str) -> bool:
    """Check that an object can have this key; names with a dot in front belong to the folder store."""
    return is_safe(key) and not key.startswith(".")


def is_safe(path: str) -> bool:
    """Check that a path stays below its folder on every system: relative, no `..`, visible."""
    if len(path) > MAX_PATH_LENGTH or "\\" in path or not is_visible(path):
        return False
    segments = path.split("/")
    return all(
        segment not in ("", ".", "..") and len(segment.encode()) <= MAX_PART_BYTES
        for segment in segments
    )

"""Names of objects: where the file of a rosbag lies, and which paths a bundle may hold."""

PREFIX = "rosbags/"
DERIVED = "derived/"
"""Previews; beside the bundles and not within, as a bundle may hold a folder of any name."""
EXPORTS = "exports/"
MAX_PATH_LENGTH = 400
MAX_SEGMENT_BYTES = 255


def object_key(rosbag_id: int, path: str) -> str:
    """Key of a file, such as `rosbags/12/metadata.yaml`."""
    return f"{PREFIX}{rosbag_id}/{path}"


def derived_key(rosbag_id: int, name: str = "") -> str:
    """Key of something made from a rosbag, which can be made again at any time."""
    return f"{DERIVED}{rosbag_id}/{name}"


def export_key(export_id: int, name: str = "") -> str:
    """Key of the file of an export that is no rosbag."""
    return f"{EXPORTS}{export_id}/{name}"


def rosbag_id_of(key: str) -> int | None:
    """The rosbag that a key belongs to, None for a key of another form."""
    return id_of(key, PREFIX)


def id_of(key: str, prefix: str) -> int | None:
    """The number behind a prefix, None for a key of another form."""
    number = key.removeprefix(prefix).partition("/")[0]
    return int(number) if key.startswith(prefix) and number.isascii() and number.isdigit() else None


def is_safe(path: str) -> bool:
    """Whether a path stays below its folder on every system: relative, no `..`, no odd characters."""
    if len(path) > MAX_PATH_LENGTH or "\\" in path or not path.isprintable():
        return False
    segments = path.split("/")
    return all(
        segment not in ("", ".", "..") and len(segment.encode()) <= MAX_SEGMENT_BYTES
        for segment in segments
    )

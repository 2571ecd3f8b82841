"""Storing and removing the objects of a rosbag."""

from collections.abc import Callable, Container
from pathlib import Path
from typing import IO, BinaryIO, cast

from storage.keys import object_key
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.services.rosbags.digest import HashingReader


def store_file(
    rosbag: Rosbag, path: str, stream: IO[bytes], on_read: Callable[[int], None] | None = None
) -> RosbagFile:
    """Store one file of a rosbag under its object key.

    Returns:
        The row of the file, not saved yet.
    """
    key = object_key(rosbag.pk, path)
    reader = HashingReader(stream, on_read)
    object_store().put(key, cast("BinaryIO", reader))
    return RosbagFile(rosbag=rosbag, path=path, size=reader.size, sha256=reader.sha256, key=key)


def store_path(rosbag: Rosbag, path: str, source: Path) -> RosbagFile:
    """Store a file of this machine as `store_file` does."""
    with source.open("rb") as stream:
        return store_file(rosbag, path, stream)


def delete_objects(prefix: str, *, keep: Container[str] = ()) -> None:
    """Remove all objects below a prefix, except the keys in `keep`."""
    store = object_store()
    store.delete([stored.key for stored in store.list(prefix) if stored.key not in keep])

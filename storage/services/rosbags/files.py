"""Storing and removing the objects of a rosbag."""

from collections.abc import Callable, Container, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, BinaryIO, cast

from storage.keys import object_key
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.services.rosbags.digest import HashingReader

FILES_AT_ONCE = 8
"""Most of the time that a small file takes is spent waiting for the storage."""

Source = tuple[str, Callable[[], IO[bytes]]]
"""A path within the bundle, and what opens the file."""


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


def store_files(
    rosbag: Rosbag,
    sources: Iterable[Source],
    on_read: Callable[[int], None] | None = None,
) -> list[RosbagFile]:
    """Store files as `store_file` does, several at once; each stream is opened in its turn, and closed."""

    def store(source: Source) -> RosbagFile:
        path, open_stream = source
        with open_stream() as stream:
            return store_file(rosbag, path, stream, on_read)

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        return list(pool.map(store, sources))


def store_folder(rosbag: Rosbag, folder: Path, paths: Iterable[str]) -> list[RosbagFile]:
    """Store files of a folder of this machine as `store_files` does."""
    return store_files(rosbag, [source_of(path, folder / path) for path in paths])


def source_of(path: str, file: Path) -> Source:
    """A file of this machine, to be stored under this path."""
    return path, lambda: file.open("rb")


def delete_objects(prefix: str, *, keep: Container[str] = ()) -> None:
    """Remove all objects below a prefix, except the keys in `keep`."""
    store = object_store()
    store.delete([stored.key for stored in store.list(prefix) if stored.key not in keep])

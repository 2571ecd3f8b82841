"""What is read of a rosbag: signed addresses, single files, the whole as one archive."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from zipstream import ZipStream

from storage.choices import Status
from storage.exceptions import FileAbsentError, ObjectNotFoundError, RosbagBusyError
from storage.keys import is_safe, object_key
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import Audience, Readable

CHUNK = 1 << 18


@dataclass(frozen=True)
class SignedFile:
    """A file and where to read it; size in bytes, sha256 in hex, `url` ends after a while."""

    path: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True)
class Archive:
    """A bundle as one zip file to come: its name, its size in bytes, and its bytes."""

    filename: str
    size: int
    pieces: Iterator[bytes]


def file_addresses(rosbag: Rosbag, *, audience: Audience) -> list[SignedFile]:
    """Every file of a rosbag with its address; a path without host belongs to this server."""
    store = object_store()
    return [
        SignedFile(
            file.path,
            file.size,
            file.sha256,
            store.sign_download(file.key, audience=audience, filename=file.path.rpartition("/")[2]),
        )
        for file in rosbag.files.all()
    ]


def file_of(rosbag: Rosbag, path: str) -> RosbagFile:
    """The file of that path.

    Raises:
        FileAbsentError: there is none.
        RosbagBusyError: the rosbag is still being uploaded.
    """
    _require_arrived(rosbag)
    file = rosbag.files.filter(path=path).first() if is_safe(path) else None
    if file is None:
        raise FileAbsentError(_("The rosbag has no such file: see the list of its files."))
    return file


def read(file: RosbagFile, span: range) -> Readable | None:
    """Stream some bytes of a file, None for none.

    Raises:
        ObjectNotFoundError: the storage has lost it.
        StoreError: the storage is away.
    """
    if not span:
        return None
    try:
        return object_store().read(file.key, span)
    except FileNotFoundError as error:
        raise _lost(file.path) from error


def archive(rosbag: Rosbag) -> Archive:
    """The bundle's folder as a zip file, stored and not packed; nothing is read before it is asked for.

    Raises:
        RosbagBusyError: the rosbag is still being uploaded.
        ObjectNotFoundError: the storage has lost one of its files, or holds it in another size.
        StoreError: the storage is away.
    """
    _require_arrived(rosbag)
    files = list(rosbag.files.all())
    sizes = {found.key: found.size for found in object_store().list(object_key(rosbag.pk, ""))}
    for file in files:
        if sizes.get(file.key) != file.size:
            raise _lost(file.path)
    folder = folder_name(rosbag)
    stream = ZipStream(sized=True)
    for file in files:
        stream.add(_pieces(file), f"{folder}/{file.path}", size=file.size)
    return Archive(f"{folder}.zip", len(stream), iter(stream))


def folder_name(rosbag: Rosbag) -> str:
    """The rosbag's name as a folder that every system takes."""
    name = re.sub(r"[^\w.+-]+", "_", rosbag.name).strip("._")
    return name[:100] or f"rosbag-{rosbag.pk}"


def _pieces(file: RosbagFile) -> Iterator[bytes]:
    source = read(file, range(file.size))
    if source is None:
        return
    try:
        while chunk := source.read(CHUNK):
            yield chunk
    finally:
        source.close()


def _require_arrived(rosbag: Rosbag) -> None:
    if rosbag.status == Status.UPLOADING:
        raise RosbagBusyError(_("This rosbag is still being uploaded: ask again once it arrived."))


def _lost(path: str) -> ObjectNotFoundError:
    message = _("%(path)s is no longer in the storage: upload the bag again.")
    return ObjectNotFoundError(message % {"path": path})

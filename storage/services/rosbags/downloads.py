"""Reading a rosbag: signed URLs, single files, the bundle as one zip archive."""

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
    """A file and its signed URL, which expires; size in bytes, sha256 in hex."""

    path: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True)
class Archive:
    """A zip archive of a bundle that is produced while it is read; size in bytes."""

    filename: str
    size: int
    chunks: Iterator[bytes]


def signed_files(
    rosbag: Rosbag, *, audience: Audience, after: str = "", limit: int | None = None
) -> list[SignedFile]:
    """List files of a rosbag by path, with signed URLs; a URL without host belongs to this server.

    At most `limit` of those behind the path `after`.
    """
    store = object_store()
    files = rosbag.files.filter(path__gt=after) if after else rosbag.files.all()
    return [
        SignedFile(
            file.path,
            file.size,
            file.sha256,
            store.sign_download(file.key, audience=audience, filename=file.path.rpartition("/")[2]),
        )
        for file in files[:limit]
    ]


def single_mcap(rosbag: Rosbag) -> str:
    """Sign the URL of the data of a rosbag that is one plain MCAP file, for a browser; empty for others."""
    data = rosbag.files.exclude(path__endswith=".yaml")[:2]
    files = [file for file in data if file.path.endswith(".mcap")]
    if len(data) != 1 or not files:
        return ""
    return object_store().sign_download(files[0].key, audience="browser", filename=files[0].path)


def find_file(rosbag: Rosbag, path: str) -> RosbagFile:
    """Find a file of a rosbag by its path.

    Raises:
        FileAbsentError: There is no such file.
        RosbagBusyError: The rosbag is still being uploaded.
    """
    _require_complete(rosbag)
    file = rosbag.files.filter(path=path).first() if is_safe(path) else None
    if file is None:
        raise FileAbsentError(_("The rosbag has no such file: see the list of its files."))
    return file


def read(file: RosbagFile, byte_range: range) -> Readable | None:
    """Stream a byte range of a file; None for an empty range.

    Raises:
        ObjectNotFoundError: The object is missing in the storage.
        StoreError: The storage is unavailable.
    """
    if not byte_range:
        return None
    try:
        return object_store().read(file.key, byte_range)
    except FileNotFoundError as error:
        raise _lost(file.path) from error


def archive(rosbag: Rosbag) -> Archive:
    """Zip the bundle's folder without compression; files are read only while the archive is read.

    Raises:
        RosbagBusyError: The rosbag is still being uploaded.
        ObjectNotFoundError: An object is missing in the storage, or has another size.
        StoreError: The storage is unavailable.
    """
    _require_complete(rosbag)
    files = list(rosbag.files.all())
    sizes = {stored.key: stored.size for stored in object_store().list(object_key(rosbag.pk, ""))}
    for file in files:
        if sizes.get(file.key) != file.size:
            raise _lost(file.path)
    folder = folder_name(rosbag)
    stream = ZipStream(sized=True)
    for file in files:
        stream.add(_chunks(file), f"{folder}/{file.path}", size=file.size)
    return Archive(f"{folder}.zip", len(stream), iter(stream))


def folder_name(rosbag: Rosbag) -> str:
    """The rosbag's name as a folder name that is valid on every system."""
    name = re.sub(r"[^\w.+-]+", "_", rosbag.name).strip("._")
    return name[:100] or f"rosbag-{rosbag.pk}"


def _chunks(file: RosbagFile) -> Iterator[bytes]:
    source = read(file, range(file.size))
    if source is None:
        return
    try:
        while chunk := source.read(CHUNK):
            yield chunk
    finally:
        source.close()


def _require_complete(rosbag: Rosbag) -> None:
    unjoined = rosbag.files.exclude(upload_id="")
    if rosbag.status == Status.UPLOADING or (
        rosbag.status == Status.VERIFYING and unjoined.exists()
    ):
        raise RosbagBusyError(
            _("This rosbag is still being uploaded: try again when the upload is complete.")
        )


def _lost(path: str) -> ObjectNotFoundError:
    message = _("%(path)s is no longer in the storage: upload the bag again.")
    return ObjectNotFoundError(message % {"path": path})

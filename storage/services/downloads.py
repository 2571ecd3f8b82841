"""Signed addresses of a rosbag's files."""

from dataclasses import dataclass

from storage.client import object_store
from storage.client.base import Audience
from storage.models import Rosbag


@dataclass(frozen=True)
class SignedFile:
    """A file and where to read it; size in bytes, sha256 in hex, `url` ends after a while."""

    path: str
    size: int
    sha256: str
    url: str


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

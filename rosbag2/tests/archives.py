"""Archives for tests, with names and methods that Python's own writers do not write."""

import io
import struct
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import inflate64

from rosbag2.tests.bundles import bag

Packed = tuple[int, bytes]


def deflated(data: bytes, method: int = 8) -> Packed:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return method, packer.compress(data) + packer.flush()


def deflated64(data: bytes) -> Packed:
    packer = inflate64.Deflater()
    return 9, packer.deflate(data) + packer.flush()


def unicode_path(name: str, raw: bytes) -> bytes:
    """The extra field 0x7075."""
    field = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
    return struct.pack("<HH", 0x7075, len(field)) + field


class RawZip:
    """A zip file, its names as bytes."""

    def __init__(self, pack: Callable[[bytes], Packed] = deflated) -> None:
        self.pack = pack
        self.body = b""
        self.directory: list[bytes] = []

    def add(
        self, name: bytes, data: bytes = b"", *, flags: int = 0, extra: bytes = b"", mode: int = 0
    ) -> None:
        method, packed = self.pack(data)
        fields = (20, flags, method, 0, 0x5A21, zlib.crc32(data), len(packed), len(data))
        head = struct.pack("<HHHHHIII", *fields) + struct.pack("<HH", len(name), len(extra))
        end = struct.pack("<HHHII", 0, 0, 0, mode << 16, len(self.body))
        self.directory.append(b"PK\1\2\x14\3" + head + end + name + extra)
        self.body += b"PK\3\4" + head + name + extra + packed

    def write(self, path: Path) -> Path:
        index = b"".join(self.directory)
        count = len(self.directory)
        end = struct.pack("<HHHHIIH", 0, 0, count, count, len(index), len(self.body), 0)
        path.write_bytes(self.body + index + b"PK\5\6" + end)
        return path


def zipped_bag(folder: Path, pack: Callable[[bytes], Packed] = deflated, inside: str = "") -> Path:
    """A zip file of a sound bag, made in a folder."""
    archive = RawZip(pack)
    for path in sorted(bag(folder / "made").iterdir()):
        archive.add(f"{inside}{path.name}".encode(), path.read_bytes())
    return archive.write(folder / "bag.zip")


def tarred_bag(folder: Path, *links: tuple[bytes, str, str], mode: str = "w") -> Path:
    """A tar file of a sound bag in `drive/`, and links (kind, name, target) after it."""
    with tarfile.open(folder / "bag.tar", mode) as archive:  # type: ignore[call-overload]
        archive.add(bag(folder / "made"), "drive")
        for kind, name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            archive.addfile(member, io.BytesIO())
    return folder / "bag.tar"

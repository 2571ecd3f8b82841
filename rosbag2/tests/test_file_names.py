"""Names of files that are not ASCII: decoded by one rule, and found whatever wrote the list."""

import io
import tarfile
from pathlib import Path
from unicodedata import normalize

import pytest

from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.formats import file_names
from rosbag2.reading import archive
from rosbag2.tests.archives import RawZip, unicode_path
from rosbag2.tests.bundles import bag, metadata

NAME = "주행_0.db3"
CP949 = NAME.encode("cp949")
NFD = normalize("NFD", NAME)
MOJIBAKE = CP949.decode("cp437")
UTF8 = 0x800


@pytest.mark.parametrize(
    ("raw", "language", "name"),
    [
        (NAME.encode(), "ko", NAME),
        (NFD.encode(), "ja", NAME),
        (CP949, "ko", NAME),
        (CP949, "ko-KR", NAME),
        (CP949, "ko_KR.UTF-8", NAME),
        ("走行.db3".encode("cp932"), "ja", "走行.db3"),
        ("行驶.db3".encode("gbk"), "zh-CN", "行驶.db3"),
        ("行駛.db3".encode("big5"), "zh-TW", "行駛.db3"),
        (CP949, "en", MOJIBAKE),
        (CP949, "", MOJIBAKE),
        (b"\xff.db3", "ko", b"\xff.db3".decode("cp437")),
    ],
)
def test_the_rule(raw: bytes, language: str, name: str) -> None:
    assert file_names.decode(raw, language) == name


@pytest.mark.parametrize(
    ("raw", "flags", "extra", "language"),
    [
        (CP949, 0, b"", "ko"),
        (NAME.encode(), 0, b"", ""),
        (NFD.encode(), UTF8, b"", ""),
        (CP949, 0, unicode_path(NAME, CP949), ""),
        (CP949, 0, b"\x99\x99\2\0xx" + unicode_path(NFD, CP949), ""),
        (CP949, 0, unicode_path("written for another name", b"other"), "ko"),
    ],
)
def test_names_in_zip_files(
    tmp_path: Path, raw: bytes, flags: int, extra: bytes, language: str
) -> None:
    packed = RawZip()
    packed.add(raw, b"x", flags=flags, extra=extra)
    archive.unpack(packed.write(tmp_path / "bag.zip"), tmp_path / "unpacked", language=language)
    assert [path.name for path in (tmp_path / "unpacked").iterdir()] == [NAME]


@pytest.mark.parametrize(
    ("form", "encoding", "name"),
    [
        (tarfile.GNU_FORMAT, "cp949", NAME),
        (tarfile.USTAR_FORMAT, "utf-8", NFD),
        (tarfile.PAX_FORMAT, "utf-8", NFD),
    ],
)
def test_names_in_tar_files(tmp_path: Path, form: int, encoding: str, name: str) -> None:
    with tarfile.open(tmp_path / "bag.tar", "w", format=form, encoding=encoding) as packed:
        packed.addfile(tarfile.TarInfo(name), io.BytesIO())
    archive.unpack(tmp_path / "bag.tar", tmp_path / "unpacked", language="ko")
    assert [path.name for path in (tmp_path / "unpacked").iterdir()] == [NAME]


def test_two_forms_of_one_name_are_one_member_twice(tmp_path: Path) -> None:
    packed = RawZip()
    packed.add(NAME.encode(), b"x")
    packed.add(NFD.encode(), b"y")
    with pytest.raises(BagError, match="more than once"):
        archive.unpack(packed.write(tmp_path / "bag.zip"), tmp_path / "unpacked")


@pytest.mark.parametrize(
    ("listed", "present"),
    [(NAME, NFD), (NFD, NAME), (NAME, MOJIBAKE), (MOJIBAKE, NAME), (f"주행/{NFD}", NAME)],
)
def test_a_listed_name_in_another_spelling_is_no_fault(
    tmp_path: Path, listed: str, present: str
) -> None:
    folder = bag(tmp_path)
    (folder / "bag_0.db3").rename(folder / present)
    metadata(folder, files=[listed])
    assert verify(folder).status == "ready"


def test_a_list_in_a_code_page_is_read(tmp_path: Path) -> None:
    folder = bag(tmp_path)
    (folder / "bag_0.db3").rename(folder / NAME)
    metadata(folder, files=[NAME])
    content = (folder / "metadata.yaml").read_text()
    (folder / "metadata.yaml").write_bytes(content.encode("cp949"))
    assert verify(folder).status == "ready"
    (folder / "metadata.yaml").write_bytes(content.encode("utf-16"))
    assert verify(folder).status == "ready"

"""Archives as people's systems make them: each is unpacked to the bag that was packed, or refused by name."""

import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tarfile import LNKTYPE, SYMTYPE

import pytest

from rosbag2.budget import MAX_FILES
from rosbag2.checks.verify import verify
from rosbag2.errors import BagError
from rosbag2.reading import archive
from rosbag2.sandbox import checks
from rosbag2.tests.archives import RawZip, deflated, deflated64, tarred_bag, zipped_bag
from rosbag2.tests.bundles import bag


def unpacked(packed: Path) -> Path:
    """The bag's folder."""
    target = packed.parent / "unpacked"
    return target / archive.unpack(packed, target)


def refusal(packed: Path) -> BagError:
    with pytest.raises(BagError) as caught:
        unpacked(packed)
    return caught.value


@pytest.mark.parametrize("mode", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_read_however_it_is_compressed(tmp_path: Path, mode: str) -> None:
    assert verify(unpacked(tarred_bag(tmp_path, mode=mode))).status == "ready"


def test_deflate64_of_windows_is_read(tmp_path: Path) -> None:
    assert verify(unpacked(zipped_bag(tmp_path, deflated64))).status == "ready"


def test_deflate_that_is_called_deflate64_is_read(tmp_path: Path) -> None:
    packed = zipped_bag(tmp_path, lambda data: deflated(data, method=9))
    assert verify(unpacked(packed)).status == "ready"


def test_damaged_deflate64_is_refused(tmp_path: Path) -> None:
    packed = zipped_bag(tmp_path, deflated64)
    content = packed.read_bytes()
    packed.write_bytes(content.replace(content[60:64], b"\xff\xff\xff\xff"))
    assert refusal(packed).code == "ARCHIVE_UNREADABLE"


def test_a_bomb_of_deflate64_ends_at_the_size_that_it_claims(tmp_path: Path) -> None:
    packed = RawZip(lambda _data: deflated64(bytes(2**28)))
    packed.add(b"bag.db3", b"small")
    assert refusal(packed.write(tmp_path / "bag.zip")).code == "ARCHIVE_UNREADABLE"
    assert (tmp_path / "unpacked/bag.db3").stat().st_size <= 2**20


def test_backslashes_of_windows_separate_folders(tmp_path: Path) -> None:
    packed = zipped_bag(tmp_path, inside="drives\\monday\\")
    assert unpacked(packed) == tmp_path / "unpacked/drives/monday"


@pytest.mark.parametrize(
    "name", [r"C:\drive\bag.db3", r"\drive\bag.db3", r"\\server\bag.db3", r"drive\..\..\bag.db3"]
)
def test_a_path_of_windows_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    packed = RawZip()
    packed.add(name.encode())
    assert refusal(packed.write(tmp_path / "bag.zip")).code == "ARCHIVE_MEMBER_UNSAFE"


def test_folders_of_their_own_and_litter_are_no_members_of_the_bag(tmp_path: Path) -> None:
    packed = RawZip()
    for name in (
        b"drive/",
        b"drive\\",
        b"drive/Thumbs.db",
        b"drive/Desktop.ini",
        b"drive/.DS_Store",
    ):
        packed.add(name)
    packed.add(b"__MACOSX/drive/._bag.db3", b"x")
    packed.add(b"drive/bag.db3", b"x")
    folder = unpacked(packed.write(tmp_path / "bag.zip"))
    assert [path.name for path in folder.iterdir()] == ["bag.db3"]


def test_too_many_members_are_refused_before_one_is_unpacked(tmp_path: Path) -> None:
    packed = RawZip()
    for number in range(MAX_FILES + 1):
        packed.add(b"%d.db3" % number)
    assert refusal(packed.write(tmp_path / "bag.zip")).code == "TOO_MANY_FILES"
    assert not list((tmp_path / "unpacked").iterdir())


@pytest.mark.parametrize(
    "link",
    [
        (LNKTYPE, "drive/copy.db3", "drive/bag_0.db3"),
        (SYMTYPE, "drive/copy.db3", "bag_0.db3"),
        (SYMTYPE, "drive/copy.db3", "../drive/./bag_0.db3"),
    ],
)
def test_a_link_to_a_file_of_the_archive_is_taken_as_that_file(
    tmp_path: Path, link: tuple[bytes, str, str]
) -> None:
    folder = unpacked(tarred_bag(tmp_path, link))
    copy = folder / "copy.db3"
    assert not copy.is_symlink()
    assert copy.read_bytes() == (folder / "bag_0.db3").read_bytes()


@pytest.mark.parametrize("kinds", [(SYMTYPE, SYMTYPE), (SYMTYPE, LNKTYPE), (LNKTYPE, SYMTYPE)])
@pytest.mark.parametrize("step", [1, -1])
def test_links_to_links_are_followed_in_any_order(
    tmp_path: Path, kinds: tuple[bytes, bytes], step: int
) -> None:
    targets = [{SYMTYPE: name, LNKTYPE: f"drive/{name}"} for name in ("b.db3", "bag_0.db3")]
    links = [
        (kinds[0], "drive/a.db3", targets[0][kinds[0]]),
        (kinds[1], "drive/b.db3", targets[1][kinds[1]]),
    ]
    folder = unpacked(tarred_bag(tmp_path, *links[::step]))
    assert (folder / "a.db3").read_bytes() == (folder / "bag_0.db3").read_bytes()


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    circle = [(SYMTYPE, "drive/a.db3", "b.db3"), (SYMTYPE, "drive/b.db3", "a.db3")]
    assert refusal(tarred_bag(tmp_path, *circle)).details["member"] == "drive/a.db3"


@pytest.mark.parametrize("kind", [b"V", b"D"])
def test_labels_and_lists_of_gnu_tar_are_no_members(tmp_path: Path, kind: bytes) -> None:
    assert verify(unpacked(tarred_bag(tmp_path, (kind, "monday", "")))).status == "ready"


def test_a_part_of_a_file_is_refused_and_not_called_a_device(tmp_path: Path) -> None:
    error = refusal(tarred_bag(tmp_path, (b"M", "drive/rest.db3", "")))
    assert error.details["reason"] == "it is no plain file"


@pytest.mark.parametrize("folder", ["PK", "BZh9"])
def test_a_tar_is_one_whatever_its_first_member_is_called(tmp_path: Path, folder: str) -> None:
    with tarfile.open(tmp_path / "bag.tar", "w") as packed:
        packed.add(bag(tmp_path / "made"), folder)
    assert verify(unpacked(tmp_path / "bag.tar")).status == "ready"


@pytest.mark.parametrize(
    "name", ["Screenshot 9.00\u202fAM.png", "走行\u3000メモ.txt", "👨\u200d👩.txt", "Icon\r"]
)
def test_spaces_of_any_kind_are_no_reason_to_refuse_an_archive(tmp_path: Path, name: str) -> None:
    packed = RawZip()
    packed.add(b"drive/bag.db3", b"x")
    packed.add(f"drive/{name}".encode(), b"x", flags=0x800)
    unpacked(packed.write(tmp_path / "bag.zip"))


@pytest.mark.parametrize("name", ["line\nend", "\x1b[2J", "turned\u202etxt", "x" * 256])
def test_names_that_steer_a_terminal_are_refused_and_not_repeated(
    tmp_path: Path, name: str
) -> None:
    packed = RawZip()
    packed.add(name.encode(), b"x", flags=0x800)
    error = refusal(packed.write(tmp_path / "bag.zip"))
    assert error.code == "ARCHIVE_MEMBER_UNSAFE"
    assert str(error).isprintable()


def cut(packed: Path) -> Path:
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    return packed


def needing_memory(folder: Path) -> Path:
    """A .tar.xz that says that it needs a dictionary of 4 GB."""
    packed = tarred_bag(folder, mode="w:xz")
    content = bytearray(packed.read_bytes())
    end = 12 + (content[12] + 1) * 4 - 4
    content[content.index(b"\x21\x01", 12) + 2] = 40
    content[end : end + 4] = zlib.crc32(content[12:end]).to_bytes(4, "little")
    packed.write_bytes(content)
    return packed


def named_otherwise(folder: Path) -> Path:
    packed = zipped_bag(folder)
    packed.write_bytes(packed.read_bytes().replace(b"bag_0.db3", b"BAG_0.db3", 1))
    return packed


def wrongly_flagged(folder: Path) -> Path:
    packed = RawZip()
    packed.add(b"\xff.db3", flags=0x800)
    return packed.write(folder / "bag.zip")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: cut(zipped_bag(folder)), "its end is missing"),
        (lambda folder: cut(tarred_bag(folder)), "its end is missing"),
        (lambda folder: cut(tarred_bag(folder, mode="w:gz")), "its end is missing"),
        (lambda folder: cut(tarred_bag(folder, mode="w:xz")), "its end is missing"),
        (lambda folder: zipped_bag(folder, lambda data: (97, data)), "a way that is not read here"),
        (lambda folder: bag(folder) / "bag_0.db3", "it is no archive"),
        (wrongly_flagged, "it says that a name is UTF-8, which it is not"),
        (named_otherwise, "its content is damaged"),
    ],
)
def test_the_reason_is_in_plain_words(
    tmp_path: Path, make: Callable[[Path], Path], reason: str
) -> None:
    error = refusal(make(tmp_path))
    assert error.code == "ARCHIVE_UNREADABLE"
    assert reason in str(error.details["reason"])


def test_a_dictionary_beyond_the_memory_is_said(tmp_path: Path) -> None:
    verdict = checks.unpack(needing_memory(tmp_path), tmp_path / "unpacked")
    assert verdict.code == "ARCHIVE_UNREADABLE"
    assert "memory" in str(verdict.details["reason"])


@pytest.mark.parametrize("target", ["drive", "drive/bag_0.db3", "nowhere"])
def test_a_symbolic_link_beside_the_bag_is_left_out(tmp_path: Path, target: str) -> None:
    folder = unpacked(tarred_bag(tmp_path, (SYMTYPE, "latest", target)))
    assert [path.name for path in folder.parent.iterdir()] == ["drive"]


@pytest.mark.parametrize(
    "link",
    [
        (LNKTYPE, "drive/x.db3", "../bag.db3"),
        (LNKTYPE, "drive/x.db3", "/etc/passwd"),
        (LNKTYPE, "drive/x.db3", "drive/later.db3"),
        (SYMTYPE, "latest", "/etc/passwd"),
        (SYMTYPE, "latest", "../drive"),
        (SYMTYPE, "drive/x.db3", "../../drive"),
        (SYMTYPE, "drive/x.db3", "C:\\bag.db3"),
        (SYMTYPE, "drive/x", "."),
        (SYMTYPE, "drive/x.db3", "x.db3"),
    ],
)
def test_a_link_that_leads_out_or_to_no_file_is_refused_by_name(
    tmp_path: Path, link: tuple[bytes, str, str]
) -> None:
    error = refusal(tarred_bag(tmp_path, link))
    assert error.code == "ARCHIVE_MEMBER_UNSAFE"
    assert error.details["member"] == link[1]
    assert "link" in str(error.details["reason"])


def test_symbolic_links_in_zip_files_follow_the_same_rule(tmp_path: Path) -> None:
    packed = RawZip()
    packed.add(b"drive/bag.db3", b"data")
    packed.add(b"drive/copy.db3", b"bag.db3", mode=0o120777)
    packed.add(b"latest", b"drive", mode=0o120777)
    folder = unpacked(packed.write(tmp_path / "bag.zip"))
    assert (folder / "copy.db3").read_bytes() == b"data"


def test_a_symbolic_link_in_a_zip_file_that_leads_out_is_refused(tmp_path: Path) -> None:
    packed = RawZip()
    packed.add(b"drive/out.db3", b"/etc/passwd", mode=0o120777)
    assert refusal(packed.write(tmp_path / "bag.zip")).details["member"] == "drive/out.db3"

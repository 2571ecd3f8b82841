"""Archives and single files, through the command and over HTTP: unpacked, stored, or refused by name."""

import io
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from storage.choices import Status
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.services.intake import imports
from storage.services.maintenance import integrity
from storage.services.verification import fetching, verifier
from storage.tests.conftest import MakeBag, claim
from storage.tests.test_import import import_bag

pytestmark = pytest.mark.django_db
MEBIBYTE = 2**20


def pack(bag: Path, target: Path, inside: str = "") -> Path:
    """An archive of a bundle's folder, its form by the name of the target."""
    files = [(path, f"{inside}{path.name}") for path in sorted(bag.iterdir())]
    if target.name.endswith(".zip"):
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
            for path, name in files:
                packed.write(path, name)
        return target
    body = io.BytesIO()
    mode: Any = "w:gz" if target.name.endswith(("gz", ".tgz")) else "w"
    with tarfile.open(fileobj=body, mode=mode) as tar:
        for path, name in files:
            tar.add(path, name)
    data = body.getvalue()
    target.write_bytes(zstandard.compress(data) if target.name.endswith(".zst") else data)
    return target


@pytest.mark.parametrize("name", ["b.zip", "b.tar", "b.tar.gz", "b.tgz", "b.tar.zst", "B.ZIP"])
@pytest.mark.parametrize("inside", ["", "drive/", "a/b/drive/"])
def test_archive_is_imported_as_its_bundle(
    make_bag: MakeBag, tmp_path: Path, name: str, inside: str
) -> None:
    archive = pack(make_bag(messages=7), tmp_path / name.lower(), inside)
    archive = archive.rename(tmp_path / name)
    code, result = import_bag(archive)
    assert (code, result["status"], result["message_count"]) == (0, "ready", 7)
    rosbag = Rosbag.objects.get()
    assert rosbag.name.lower() == "b"
    assert {file.path for file in rosbag.files.all()} == {"metadata.yaml", "bag_0.db3"}


def test_archive_of_a_stored_bundle_is_a_duplicate(make_bag: MakeBag, tmp_path: Path) -> None:
    bag = make_bag()
    _code, first = import_bag(bag)
    for name in ("one.zip", "two.tar.gz"):
        _code, again = import_bag(pack(bag, tmp_path / name, "x/"))
        assert again["rosbag"] == first["rosbag"]
    assert Rosbag.objects.count() == 1


@pytest.mark.parametrize("packed", [False, True])
def test_a_single_data_file_is_rebuilt(make_bag: MakeBag, packed: bool) -> None:
    bag = make_bag(messages=7)
    data = bag / "bag_0.db3"
    if packed:
        data = bag / "bag_0.db3.zst"
        data.write_bytes(zstandard.compress((bag / "bag_0.db3").read_bytes()))
    code, result = import_bag(data)
    assert (code, result["status"], result["code"]) == (0, "repaired", "REBUILT")
    assert result["message_count"] == 7
    assert result["original"] != result["rosbag"]
    assert Rosbag.objects.get(pk=result["rosbag"]).name == "bag_0 (repaired)"


def zipped(*members: tuple[str, bytes], **odd: int) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = odd.get("mode", 0o100644) << 16
            archive.writestr(info, data)
    return body.getvalue()


def tarred(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname, member.size = kind, link, size
        archive.addfile(member, io.BytesIO(bytes(size)))
    return body.getvalue()


def encrypted() -> bytes:
    body = bytearray(zipped(("metadata.yaml", b"x")))
    for sign, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        body[body.index(sign) + offset] |= 1
    return bytes(body)


def zip_bomb() -> bytes:
    body = io.BytesIO()
    block = bytes(MEBIBYTE)
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            with archive.open(f"bomb_{number}.db3", "w") as member:
                for _ in range(600):
                    member.write(block)
    return body.getvalue()


def zst_bomb() -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    header = tarfile.TarInfo("bomb.db3")
    header.size = 8 * 2**30
    body = [packer.compress(header.tobuf())]
    block = bytes(8 * MEBIBYTE)
    body += [packer.compress(block) for _ in range(300)]
    return b"".join([*body, packer.flush()])


def pax_bomb() -> bytes:
    header = tarfile.TarInfo("pax")
    header.type, header.size = tarfile.XHDTYPE, 900 * MEBIBYTE
    packer = zstandard.ZstdCompressor().compressobj()
    body = [packer.compress(header.tobuf())]
    body += [packer.compress(bytes(8 * MEBIBYTE)) for _ in range(112)]
    return b"".join([*body, packer.flush()])


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "up": ("h.zip", lambda: zipped(("../evil.db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "absolute": ("h.zip", lambda: zipped(("/etc/evil.db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "windows": ("h.zip", lambda: zipped(("C:\\evil.db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "backslash": ("h.zip", lambda: zipped(("..\\evil.db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "nul": ("h.zip", lambda: zipped(("a\0b.db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "twice": ("h.zip", lambda: zipped(("a.db3", b"x"), ("./a.db3", b"y")), "ARCHIVE_MEMBER_TWICE"),
    "file and folder": (
        "h.zip",
        lambda: zipped(("a.db3", b"x"), ("a.db3/b.db3", b"y")),
        "ARCHIVE_MEMBER_TWICE",
    ),
    "zip link": (
        "h.zip",
        lambda: zipped(("a.db3", b"/etc"), mode=0o120777),
        "ARCHIVE_MEMBER_UNSAFE",
    ),
    "encrypted": ("h.zip", encrypted, "ARCHIVE_ENCRYPTED"),
    "zip bomb": ("h.zip", zip_bomb, "ARCHIVE_TOO_LARGE"),
    "many": (
        "h.zip",
        lambda: zipped(*((f"{n}.txt", b"") for n in range(10_001))),
        "TOO_MANY_FILES",
    ),
    "deep": ("h.zip", lambda: zipped(("a/" * 200 + "b.db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "long": ("h.zip", lambda: zipped(("a" * 300 + ".db3", b"x")), "ARCHIVE_MEMBER_UNSAFE"),
    "tar up": ("h.tar", lambda: tarred("../evil.db3"), "ARCHIVE_MEMBER_UNSAFE"),
    "tar absolute": ("h.tar", lambda: tarred("/evil.db3"), "ARCHIVE_MEMBER_UNSAFE"),
    "symlink": (
        "h.tar",
        lambda: tarred("a.db3", tarfile.SYMTYPE, "/etc/passwd"),
        "ARCHIVE_MEMBER_UNSAFE",
    ),
    "hardlink": ("h.tar", lambda: tarred("a.db3", tarfile.LNKTYPE, "b"), "ARCHIVE_MEMBER_UNSAFE"),
    "device": ("h.tar", lambda: tarred("a.db3", tarfile.CHRTYPE), "ARCHIVE_MEMBER_UNSAFE"),
    "pipe": ("h.tar", lambda: tarred("a.db3", tarfile.FIFOTYPE), "ARCHIVE_MEMBER_UNSAFE"),
    "zst bomb": ("h.tar.zst", zst_bomb, "ARCHIVE_TOO_LARGE"),
    "pax bomb": ("h.tar.zst", pax_bomb, "ARCHIVE_UNREADABLE"),
    "no archive": ("h.zip", lambda: b"no archive" * 100, "ARCHIVE_UNREADABLE"),
    "cut off": ("h.tar.gz", lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\3" + bytes(9), "ARCHIVE_UNREADABLE"),
    "empty": ("h.tar", lambda: b"", "FILE_IS_EMPTY"),
    "nested": ("h.zip", lambda: zipped(("bag.zip", zipped(("a.db3", b"x")))), "ARCHIVE_NO_BAG"),
    "nothing": ("h.zip", lambda: zipped(("readme.txt", b"x")), "ARCHIVE_NO_BAG"),
    "two": ("h.zip", lambda: zipped(("a/x.db3", b"x"), ("b/x.mcap", b"x")), "ARCHIVE_TWO_BAGS"),
    "pointer": (
        "h.zip",
        lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "FILE_IS_LFS_POINTER",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_by_name(tmp_path: Path, case: str) -> None:
    name, made, expected = HOSTILE[case]
    (tmp_path / "in").mkdir()
    archive = tmp_path / "in" / name
    archive.write_bytes(made())
    code, result = import_bag(archive)
    assert (code, result["rosbag"], result["status"], result["code"]) == (
        2,
        None,
        "rejected",
        expected,
    )
    if expected.startswith("ARCHIVE"):
        assert name in result["sentence"]
    assert not Rosbag.objects.exists()
    assert not list(tmp_path.rglob("evil*"))
    assert not list((tmp_path / "data" / "unpacking").iterdir())


def test_two_bundles_are_named(make_bag: MakeBag, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "both.tar", "w") as tar:
        tar.add(make_bag("monday"), "week/monday")
        tar.add(make_bag("tuesday"), "week/tuesday")
    _code, result = import_bag(tmp_path / "both.tar")
    assert result["code"] == "ARCHIVE_TWO_BAGS"
    assert "week/monday, week/tuesday" in result["sentence"]


def test_macos_metadata_is_left_out(make_bag: MakeBag, tmp_path: Path) -> None:
    bag = make_bag()
    archive = tmp_path / "mac.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in bag.iterdir():
            packed.write(path, f"drive/{path.name}")
            packed.writestr(f"__MACOSX/drive/._{path.name}", b"\0\5\x16\7")
    code, result = import_bag(archive)
    assert (code, result["status"], result["warnings"]) == (0, "ready", [])


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


def send(api: APIClient, name: str, body: bytes) -> dict[str, Any]:
    form = {"files": SimpleUploadedFile(name, body)}
    answer = api.post("/api/v1/rosbags", form, format="multipart")
    assert answer.status_code == 202, answer.content
    result: dict[str, Any] = answer.json()
    return result


def test_an_archive_in_a_form_is_unpacked_by_the_worker(
    store: ObjectStore, api: APIClient, make_bag: MakeBag, tmp_path: Path
) -> None:
    archive = pack(make_bag(messages=7), tmp_path / "drive.zip", "drive/")
    result = send(api, "drive.zip", archive.read_bytes())
    assert (result["status"], result["name"]) == ("verifying", "drive")
    rosbag = verifier.run(result["id"])
    assert (rosbag.status, rosbag.message_count) == (Status.READY, 7)
    assert {file.path for file in rosbag.files.all()} == {"metadata.yaml", "bag_0.db3"}
    keys = {stored.key for stored in store.list("rosbags/")}
    assert keys == set(rosbag.files.values_list("key", flat=True))
    assert rosbag.size == sum(file.size for file in rosbag.files.all())
    assert send(api, "drive.zip", archive.read_bytes())["id"] == rosbag.pk


def test_refused_archive_is_kept_with_a_reason(api: APIClient) -> None:
    result = send(api, "h.zip", zipped(("../evil.db3", b"x")))
    rosbag = verifier.run(result["id"])
    assert (rosbag.status, rosbag.code) == (Status.REJECTED, "ARCHIVE_MEMBER_UNSAFE")
    assert "../evil.db3" in rosbag.sentence
    assert [file.path for file in rosbag.files.all()] == ["h.zip"]


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("old.bag", b"#ROSBAG V2.0\n" + bytes(100), "FILE_IS_ROS1_BAG"),
        ("drive.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "FILE_IS_PACKED"),
        ("drive.zip", b"<!DOCTYPE html><html>", "FILE_IS_ANSWER"),
        ("drive.db3", b"", "FILE_IS_EMPTY"),
        ("drive.zip", b"", "FILE_IS_EMPTY"),
    ],
    ids=["ros1", "7z", "page", "empty", "empty archive"],
)
def test_something_else_in_a_form_is_named_by_the_worker(
    api: APIClient, name: str, body: bytes, code: str
) -> None:
    rosbag = verifier.run(send(api, name, body)["id"])
    assert (rosbag.status, rosbag.code) == (Status.REJECTED, code)
    assert name in rosbag.sentence


@pytest.mark.parametrize("when", ["before the rows", "after the rows"])
def test_worker_killed_while_unpacking_leaves_no_orphans(
    api: APIClient, make_bag: MakeBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    class Killed(BaseException):
        pass

    replace = fetching._replace

    def killed(*args: Any) -> None:
        if when == "after the rows":
            replace(*args)
        raise Killed

    archive = pack(make_bag(messages=7), tmp_path / "drive.zip", "drive/")
    result = send(api, "drive.zip", archive.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "_replace", killed)
        with pytest.raises(Killed):
            verifier.run(result["id"])
    report = integrity.check()
    assert (report.missing, report.wrong_size, report.orphaned) == ([], [], [])
    Rosbag.objects.update(lease_until=None)
    assert verifier.run(result["id"]).status == Status.READY
    report = integrity.check()
    assert (report.missing, report.wrong_size, report.orphaned) == ([], [], [])


def test_worker_without_lease_changes_no_files(
    api: APIClient, make_bag: MakeBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(make_bag(), tmp_path / "drive.zip")
    result = send(api, "drive.zip", archive.read_bytes())
    replace = fetching._replace

    def late(*args: Any) -> None:
        Rosbag.objects.update(lease_until=None)
        assert claim(result["id"])
        replace(*args)

    monkeypatch.setattr(fetching, "_replace", late)
    assert verifier.run(result["id"]).status == Status.VERIFYING
    assert [file.path for file in Rosbag.objects.get().files.all()] == ["drive.zip"]


def test_verification_is_retried_after_a_full_disk(
    api: APIClient, make_bag: MakeBag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = pack(make_bag(), tmp_path / "drive.zip")
    result = send(api, "drive.zip", archive.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(type(object_store()), "fetch", _full)
        with pytest.raises(Exception, match="free some space"):
            verifier.run(result["id"])
    assert verifier.run(result["id"]).status == Status.READY


def _full(*_args: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_folder_of_archives_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zip").write_bytes(zipped(("a.db3", b"x")))
    with pytest.raises(Exception, match="`unzip"):
        imports.import_path(tmp_path / "in")


@pytest.mark.parametrize("form", ["gnu", "posix"])
def test_sparse_files_in_tar_archives(
    store: ObjectStore, make_bag: MakeBag, tmp_path: Path, form: str
) -> None:
    folder = make_bag("course", messages=11)
    with (folder / "notes.db3").open("wb") as notes:
        notes.seek(3 * 2**20)
        notes.write(b"end")
    archive = tmp_path / "holes.tar"
    packing = [
        "tar",
        "--sparse",
        f"--format={form}",
        "-cf",
        archive,
        "-C",
        folder.parent,
        folder.name,
    ]
    subprocess.run(packing, check=True)
    assert archive.stat().st_size < 2**20
    code, result = import_bag(archive)
    assert (code, result["message_count"]) == (0, 11)
    [file] = RosbagFile.objects.filter(path="notes.db3")
    assert (file.size, file.sha256) == (
        3 * 2**20 + 3,
        sha256(bytes(3 * 2**20) + b"end").hexdigest(),
    )

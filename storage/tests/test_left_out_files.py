"""Files beside a bundle: by whatever door they come, they are not stored, and the rosbag says so."""

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from storage.choices import Origin, Status
from storage.exceptions import FilesInvalidError
from storage.models import Rosbag
from storage.objects.base import ObjectStore
from storage.services.intake import imports
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from storage.tests.test_sessions import begin, described, operator, send_addressed

__all__ = ["operator"]

pytestmark = pytest.mark.django_db
OWN = {"metadata.yaml", "bag_0.db3", "bag_0.db3-wal"}


def command(path: Path, _api: APIClient) -> int:
    return imports.import_path(path).pk


def zipped(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as packed:
        for path in folder.iterdir():
            packed.write(path, f"drive/{path.name}")
    return archive


def archive_by_command(folder: Path, api: APIClient) -> int:
    return command(zipped(folder), api)


def form(paths: list[Path], api: APIClient) -> int:
    files = [SimpleUploadedFile(path.name, path.read_bytes()) for path in paths]
    answer = api.post("/api/v1/rosbags", {"files": files}, format="multipart")
    return int(answer.json()["id"])


def files_in_a_form(folder: Path, api: APIClient) -> int:
    return form(list(folder.iterdir()), api)


def archive_in_a_form(folder: Path, api: APIClient) -> int:
    return form([zipped(folder)], api)


def session(folder: Path, api: APIClient) -> int:
    data = begin(api, described(folder, checksums=False))
    send_addressed(data, folder)
    return int(api.post(f"/api/v1/uploads/{data['id']}/complete", {}).json()["id"])


Door = Callable[[Path, APIClient], int]
DOORS: list[Door] = [command, archive_by_command, files_in_a_form, archive_in_a_form, session]


@pytest.fixture
def folder(make_bag: MakeBag) -> Path:
    folder = make_bag(messages=7)
    (folder / "bag_0.db3-wal").touch()
    (folder / "payload.sh").write_text("rm -rf /")
    (folder / "notes.txt").write_text("a fine day")
    (folder / ".DS_Store").write_text("litter")
    return folder


@pytest.mark.parametrize("door", DOORS)
def test_only_the_bundle_is_stored(
    store: ObjectStore, operator: APIClient, folder: Path, door: Door
) -> None:
    rosbag = verifier.run(door(folder, operator))
    assert {file.path for file in rosbag.files.all()} == OWN
    assert {stored.key for stored in store.list("rosbags/")} == {
        file.key for file in rosbag.files.all()
    }
    assert (rosbag.status, rosbag.message_count) == (Status.READY_WITH_WARNINGS, 7)
    [sentence] = rosbag.warning_sentences
    assert sentence == "notes.txt is no part of the bag and is not stored (2 such files)."
    assert rosbag.size == sum(file.size for file in rosbag.files.all())


def test_all_doors_give_the_same_content(operator: APIClient, folder: Path) -> None:
    rosbags = [verifier.run(door(folder, operator)) for door in DOORS]
    assert len({rosbag.content_digest for rosbag in rosbags}) == 1
    assert rosbags[0] == rosbags[1]
    assert "SAME_CONTENT" in {warning["code"] for warning in rosbags[2].warnings}


def test_what_lies_beside_the_bundle_in_an_archive_is_said(
    operator: APIClient, make_bag: MakeBag
) -> None:
    archive = zipped(make_bag())
    with zipfile.ZipFile(archive, "a") as packed:
        packed.writestr("payload.sh", "rm -rf /")
    rosbags = [verifier.run(command(archive, operator)), verifier.run(form([archive], operator))]
    for rosbag in rosbags:
        assert rosbag.warnings[0] == {
            "code": "FILES_LEFT_OUT",
            "details": {"file": "payload.sh", "files": 1},
        }


def test_files_deep_in_folders_are_said_and_litter_of_any_name_is_not(make_bag: MakeBag) -> None:
    folder = make_bag()
    (folder / "logs/monday").mkdir(parents=True)
    (folder / "logs/monday/run\x1b.log").touch()
    (folder / "Icon\r").touch()
    rosbag = verifier.run(imports.import_path(folder).pk)
    assert rosbag.warnings[0]["details"] == {"file": "logs/monday/run\ufffd.log", "files": 1}


def test_a_name_that_is_refused_is_said(make_bag: MakeBag) -> None:
    folder = make_bag()
    (folder / "line\nend").touch()
    with pytest.raises(FilesInvalidError, match="such as line end"):
        imports.import_path(folder)


def test_the_warning_stays_when_the_rosbag_is_verified_again(
    operator: APIClient, folder: Path
) -> None:
    rosbag = verifier.run(session(folder, operator))
    before = rosbag.warnings
    verifier.verify_again(rosbag)
    assert verifier.run(rosbag.pk).warnings == before


def test_where_there_is_no_data_all_is_kept_to_be_looked_at(
    operator: APIClient, folder: Path
) -> None:
    (folder / "bag_0.db3").unlink()
    rosbag = verifier.run(session(folder, operator))
    assert rosbag.status == Status.REJECTED
    assert "notes.txt" in {file.path for file in rosbag.files.all()}


@pytest.mark.parametrize(
    "changes", [{"origin": Origin.RECORDED}, {"message_count": 7}], ids=["recorded", "played"]
)
def test_what_was_recorded_or_played_before_stays_as_it_is(
    operator: APIClient, folder: Path, changes: dict[str, Any]
) -> None:
    pk = session(folder, operator)
    Rosbag.objects.update(**changes)
    rosbag = verifier.run(pk)
    assert "payload.sh" in {file.path for file in rosbag.files.all()}


def test_data_with_a_name_of_their_own_are_the_bundle(
    operator: APIClient, make_bag: MakeBag
) -> None:
    folder = make_bag()
    (folder / "bag_0.db3").rename(folder / "monday")
    metadata = folder / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("bag_0.db3", "monday"))
    assert verifier.run(command(folder, operator)).status == Status.READY

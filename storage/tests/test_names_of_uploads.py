"""Names that are not ASCII: one form is stored by every door, whatever the sender's machine writes."""

import os
from pathlib import Path
from unicodedata import normalize

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from rosbag2.tests.archives import RawZip
from storage.models import Rosbag
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from storage.tests.test_import import import_bag
from storage.tests.test_sessions import URL, begin, described, operator, put

__all__ = ["operator"]

pytestmark = pytest.mark.django_db
NAME = "주행_0.db3"
NFD = normalize("NFD", NAME)


def named(folder: Path, present: str, listed: str = NAME) -> Path:
    (folder / "bag_0.db3").rename(folder / present)
    metadata = folder / "metadata.yaml"
    metadata.write_text(metadata.read_text().replace("bag_0.db3", listed))
    return folder


def zipped(folder: Path) -> Path:
    archive = RawZip()
    for path in folder.iterdir():
        archive.add(f"주행/{path.name}".encode("cp949"), path.read_bytes())
    return archive.write(folder.with_suffix(".zip"))


def stored_names(rosbag: Rosbag) -> set[str]:
    assert (rosbag.status, rosbag.code, rosbag.warnings) == ("ready", "", [])
    return {file.path for file in rosbag.files.all()}


@pytest.mark.parametrize("variable", ["LC_ALL", "LANG"])
def test_the_language_of_the_terminal_decodes_names_in_an_archive(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "ko_KR.UTF-8")
    code, result = import_bag(zipped(named(make_bag(), NAME)))
    assert (code, result["status"]) == (0, "ready")
    assert stored_names(Rosbag.objects.get()) == {"metadata.yaml", NAME}


@pytest.mark.parametrize("header", ["ko-KR,ko;q=0.9", "en-US,en;q=0.9,ko;q=0.8"])
def test_the_language_of_the_request_decodes_names_in_an_archive(
    operator: APIClient, make_bag: MakeBag, header: str
) -> None:
    archive = SimpleUploadedFile("a.zip", zipped(named(make_bag(), NAME)).read_bytes())
    answer = operator.post(
        "/api/v1/rosbags",
        {"files": archive},
        format="multipart",
        headers={"Accept-Language": header},
    )
    assert stored_names(verifier.run(answer.json()["id"])) == {"metadata.yaml", NAME}


def test_a_session_remembers_the_language(operator: APIClient, make_bag: MakeBag) -> None:
    archive = zipped(named(make_bag(), NAME)).read_bytes()
    files = [{"path": "a.zip", "size": len(archive)}]
    opened = operator.post(URL, {"files": files}, headers={"Accept-Language": "ko"}).json()
    put(opened["addresses"][0]["parts"][0]["url"], archive)
    operator.post(f"{URL}/{opened['id']}/complete", {})
    assert stored_names(verifier.run(opened["id"])) == {"metadata.yaml", NAME}


def test_a_folder_of_macos_is_stored_in_the_common_form(make_bag: MakeBag) -> None:
    import_bag(named(make_bag(), NFD))
    assert stored_names(Rosbag.objects.get()) == {"metadata.yaml", NAME}


def test_a_folder_whose_names_are_not_unicode_is_stored_in_the_common_form(
    make_bag: MakeBag, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "ko_KR.EUC-KR")
    folder = named(make_bag(), NAME)
    (folder / NAME).rename(folder / os.fsdecode(NAME.encode("cp949")))
    import_bag(folder.rename(folder.with_name(os.fsdecode("주행".encode("cp949")))))
    assert stored_names(Rosbag.objects.get()) == {"metadata.yaml", NAME}
    assert Rosbag.objects.get().name == "주행"


def test_a_session_knows_a_file_in_either_form(operator: APIClient, make_bag: MakeBag) -> None:
    folder = named(make_bag(), NFD)
    opened = begin(operator, described(folder))
    for path in folder.iterdir():
        body = path.read_bytes()
        address = f"{URL}/{opened['id']}/parts?file={path.name}"
        [part] = operator.get(address).json()["parts"]
        _status, etag = put(part["url"], body)
        sent = {"path": path.name, "parts": [{"number": 1, "etag": etag.strip('"')}]}
        if path.name == NFD:
            finished = {"files": [sent]}
    assert operator.post(f"{URL}/{opened['id']}/complete", finished).status_code == 202
    assert stored_names(verifier.run(opened["id"])) == {"metadata.yaml", NAME}

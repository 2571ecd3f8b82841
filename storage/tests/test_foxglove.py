"""Opening a rosbag in Foxglove: what is said before, and the address that it leads to."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from rosbag2.writing.sample import make_sample
from storage import tasks
from storage.models import Export, Rosbag
from storage.services.verification import verifier
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
SITE = "https://app.foxglove.dev"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def drive(tmp_path: Path) -> Rosbag:
    make_sample(tmp_path / "drive", seconds=1)
    return stored_bag(tmp_path / "drive")


def address(rosbag: Rosbag, page: str = "foxglove") -> str:
    return f"/admin/storage/rosbag/{rosbag.pk}/{page}/"


def file_of(answer: Any) -> str:
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer["Location"]).query)
    assert query["ds"] == ["remote-file"]
    return str(query["ds.url"][0])


def test_without_an_mcap_it_is_exported_first(operator: Client, drive: Rosbag) -> None:
    page = operator.get(address(drive)).content.decode()
    assert "this rosbag is none" in page
    assert operator.get(address(drive, "foxglove/open"))["Location"] == address(drive)
    operator.post(address(drive, "export"), {"format": "mcap", "latched": "on"})
    assert "is being made" in operator.get(address(drive)).content.decode()
    export = Export.objects.get()
    tasks.make_export.func(export.pk)
    page = operator.get(address(drive)).content.decode()
    assert "goes to <b>app.foxglove.dev</b>" in page
    answer = operator.get(address(drive, "foxglove/open"))
    assert answer["Location"].startswith(f"{SITE}/~/view?")
    file = file_of(answer)
    assert file.startswith("http://testserver/storage/objects/")
    content = b"".join(Client().get(urlsplit(file).path).streaming_content)  # type: ignore[attr-defined]
    assert content.startswith(b"\x89MCAP")
    # The export is a rosbag of one MCAP itself.
    result = verifier.run(Rosbag.objects.exclude(pk=drive.pk).get().pk)
    assert "/storage/objects/" in file_of(operator.get(address(result, "foxglove/open")))


@pytest.mark.parametrize(("origins", "refused"), [([], True), ([SITE], False), (["*"], False)])
def test_a_refusal_by_the_storage_is_foreseen(
    operator: Client, drive: Rosbag, settings: Any, origins: list[str], refused: bool
) -> None:
    settings.CORS_ALLOWED_ORIGINS = origins
    settings.CORS_ALLOW_ALL_ORIGINS = "*" in origins
    operator.post(address(drive, "export"), {"format": "mcap", "latched": "on"})
    tasks.make_export.func(Export.objects.get().pk)
    page = operator.get(address(drive)).content.decode()
    assert ("The storage will refuse that site." in page) is refused


def test_a_part_is_not_taken_for_the_whole(operator: Client, drive: Rosbag) -> None:
    operator.post(address(drive, "export"), {"format": "mcap", "topics": ["/odom"]})
    tasks.make_export.func(Export.objects.get().pk)
    assert "this rosbag is none" in operator.get(address(drive)).content.decode()


def test_an_empty_setting_hides_it(operator: Client, drive: Rosbag, settings: Any) -> None:
    change = f"/admin/storage/rosbag/{drive.pk}/change/"
    assert address(drive) in operator.get(change).content.decode()
    settings.FOXGLOVE_URL = ""
    assert address(drive) not in operator.get(change).content.decode()
    assert operator.get(address(drive)).status_code == 404
    assert operator.get(address(drive, "foxglove/open")).status_code == 404


def test_a_viewer_of_ones_own_keeps_its_query(
    operator: Client, drive: Rosbag, settings: Any
) -> None:
    settings.FOXGLOVE_URL = "https://viewer.lab.example/?layout=robots"
    operator.post(address(drive, "export"), {"format": "mcap", "latched": "on"})
    tasks.make_export.func(Export.objects.get().pk)
    location = operator.get(address(drive, "foxglove/open"))["Location"]
    assert location.startswith(
        "https://viewer.lab.example/?layout=robots&ds=remote-file&ds.url=http"
    )

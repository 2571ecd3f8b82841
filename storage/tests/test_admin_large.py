"""The page of a rosbag with very many files and topics: as short as that of a small one."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from common.admin import changelists
from storage.models import Rosbag, RosbagFile, RosbagTopic
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
ROWS = 2000
QUERIES = 12


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def large(make_bag: MakeBag) -> Rosbag:
    rosbag = stored_bag(make_bag())
    names = [f"{number:05d}" for number in range(ROWS)]
    RosbagTopic.objects.bulk_create(
        RosbagTopic(rosbag=rosbag, name=f"/zz{name}", type="a/msg/B", message_count=1)
        for name in names
    )
    RosbagFile.objects.bulk_create(
        RosbagFile(rosbag=rosbag, path=f"zz_{name}.db3", size=1, key=f"rosbags/{rosbag.pk}/{name}")
        for name in names
    )
    return rosbag


def part(rosbag: Rosbag, name: str) -> str:
    return f"/admin/storage/rosbag/{rosbag.pk}/part/{name}/"


def test_page_of_a_large_rosbag(
    operator: Client, large: Rosbag, django_assert_max_num_queries: Any
) -> None:
    address = f"/admin/storage/rosbag/{large.pk}/change/"
    operator.get(address)
    with django_assert_max_num_queries(QUERIES):
        page = operator.get(address).content.decode()
    assert len(page) < 200_000
    for name in ("topics", "files"):
        assert part(large, name) in page


@pytest.mark.parametrize(("name", "shown"), [("topics", "/zz00024"), ("files", "zz_00024.db3")])
def test_tables_have_pages_and_a_search(
    operator: Client, large: Rosbag, name: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = operator.get(part(large, name)).content.decode()
    assert shown not in first
    assert shown in operator.get(part(large, name), {"page": 2}).content.decode()
    found = operator.get(part(large, name), {"q": "ZZ00024" if name == "topics" else "zz_00024"})
    assert shown in found.content.decode()
    nothing = operator.get(part(large, name), {"q": "<b>\0", "page": "x"}).content.decode()
    assert 'class="empty"' in nothing
    assert "<b>" not in nothing
    monkeypatch.setattr(changelists, "MAX_COUNT", 1000)
    assert operator.get(part(large, name)).context["page"].paginator.count == 1000


def test_the_preview_offers_topics_of_a_large_rosbag(
    operator: Client, large: Rosbag, django_assert_max_num_queries: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("storage.admin.rosbags.previews._problem", lambda *_: {})  # it has no files
    with django_assert_max_num_queries(QUERIES):
        page = operator.get(part(large, "preview")).content.decode()
    assert len(page) < 200_000
    assert "choose any other with its button" in page

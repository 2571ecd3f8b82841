"""Rosbags in the console."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from common.admin import changelists
from storage.choices import Status
from storage.models import Rosbag
from storage.services.rosbags import deletion
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
URL = "/admin/storage/rosbag/"


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def rosbags(make_bag: MakeBag) -> list[Rosbag]:
    return [stored_bag(make_bag(f"bag{number}", messages=number)) for number in range(4)]


def test_list_query_count_is_constant(
    operator: Client, rosbags: list[Rosbag], django_assert_num_queries: Any
) -> None:
    operator.get(URL)  # fills caches of the framework
    with django_assert_num_queries(4):  # session, user, count, rows with their users
        few = operator.get(URL)
    Rosbag.objects.bulk_create([Rosbag(name=f"more{number}") for number in range(30)])
    with django_assert_num_queries(4):
        assert few.status_code == operator.get(URL).status_code == 200


def test_a_page_shows_verdict_index_and_warnings(operator: Client, rosbags: list[Rosbag]) -> None:
    page = operator.get(f"{URL}{rosbags[0].pk}/change/").content.decode()
    assert "The bag holds no messages" in page
    page = operator.get(f"{URL}{rosbags[1].pk}/change/").content.decode()
    assert "/odom" in page
    assert "metadata.yaml" in page


def test_verify_again(operator: Client, rosbags: list[Rosbag]) -> None:
    chosen = {"action": "verify_again", "_selected_action": [item.pk for item in rosbags[:2]]}
    page = operator.post(URL, chosen).content.decode()
    assert "simulations that play them do not start" in page
    assert not Rosbag.objects.filter(status=Status.VERIFYING).exists()
    operator.post(URL, {**chosen, "post": "yes"})
    assert Rosbag.objects.filter(status=Status.VERIFYING).count() == 2


@pytest.mark.parametrize("where", ["", "?deleted=yes", "?q=bag&status__exact=ready"])
def test_no_list_counts_all_rows(
    operator: Client, where: str, django_assert_max_num_queries: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(changelists, "MAX_COUNT", 20)
    Rosbag.objects.bulk_create(
        [Rosbag(name=f"bag{number}", status="ready") for number in range(15)]
        + [Rosbag(name="bag", status="ready", deleted_at=timezone.now()) for _ in range(15)]
    )
    with django_assert_max_num_queries(4) as queries:
        assert operator.get(URL + where).status_code == 200
    [count] = [item["sql"] for item in queries.captured_queries if "COUNT" in item["sql"]]
    assert "LIMIT 20" in count


def test_restore(operator: Client, rosbags: list[Rosbag]) -> None:
    aborted = Rosbag.objects.create(name="given up", deleted_at=timezone.now())
    deletion.delete(rosbags[0])
    page = operator.get(f"{URL}?deleted=yes").content.decode()
    assert "bag0" in page
    assert "bag1" not in page
    chosen = {"action": "restore", "_selected_action": [rosbags[0].pk, aborted.pk]}
    page = operator.post(f"{URL}?deleted=yes", chosen, follow=True).content.decode()
    assert "1 rosbag was restored." in page
    assert "aborted before it was complete" in page
    assert Rosbag.objects.living().count() == 4


def test_contents_can_be_downloaded(operator: Client, rosbags: list[Rosbag]) -> None:
    page = operator.get(f"{URL}{rosbags[1].pk}/change/").content.decode()
    for address in (
        f"/api/v1/rosbags/{rosbags[1].pk}/{what}" for what in ("archive", "files/metadata.yaml")
    ):
        assert f'href="{address}"' in page
        assert operator.get(address).status_code == 200


def test_viewers_have_no_actions(client: Client, rosbags: list[Rosbag]) -> None:
    client.force_login(User.objects.create(email="v@example.org", role=Role.VIEWER))
    assert client.get(URL).status_code == 200
    for action in ("verify_again", "restore", "delete_selected"):
        chosen = {"action": action, "_selected_action": [rosbags[0].pk], "post": "yes"}
        client.post(URL, chosen)
    rosbags[0].refresh_from_db()
    assert (rosbags[0].status, rosbags[0].deleted_at) == (Status.REJECTED, None)


def test_refused_deletion_shows_an_error_and_no_success(
    operator: Client, rosbags: list[Rosbag], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion.use_checks, "_checks", [lambda _rosbag: "Loader uses it."])
    chosen = {"action": "delete_selected", "_selected_action": [rosbags[0].pk], "post": "yes"}
    for address, form in ((URL, chosen), (f"{URL}{rosbags[1].pk}/delete/", {"post": "yes"})):
        page = operator.post(address, form, follow=True).content.decode()
        assert "Loader" in page
        assert 'class="success"' not in page
    assert Rosbag.objects.living().count() == 4


def test_deleting_hides(operator: Client, rosbags: list[Rosbag]) -> None:
    operator.post(f"{URL}{rosbags[0].pk}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [rosbags[1].pk], "post": "yes"}
    operator.post(URL, chosen)
    assert Rosbag.objects.living().count() == 2
    assert Rosbag.objects.count() == 4


def test_a_name_can_be_changed_and_nothing_else(operator: Client, rosbags: list[Rosbag]) -> None:
    rosbag = rosbags[3]
    answer = operator.post(f"{URL}{rosbag.pk}/change/", {"name": "better", "status": "rejected"})
    rosbag.refresh_from_db()
    assert answer.status_code == 302
    assert (rosbag.name, rosbag.status) == ("better", Status.READY)

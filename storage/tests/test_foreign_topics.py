"""Topics that are not CDR: stored with their counts, shown as skipped, without a preview."""

from pathlib import Path

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from storage.models import Rosbag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db


@pytest.fixture
def rosbag(tmp_path: Path) -> Rosbag:
    """Three messages that can be played, two that cannot."""
    with BagWriter(tmp_path / "mixed") as bag:
        for name, serialization, count in (("/odom", "cdr", 3), ("/notes", "json" * 20, 2)):
            topic = bag.add_topic(Topic(name, "nav_msgs/msg/Odometry", serialization))
            for number in range(count):
                bag.write(topic, 10**9 + number, bytes([0, 1, 0, 0]))
    return stored_bag(tmp_path / "mixed")


@pytest.fixture
def user() -> User:
    return User.objects.create(email="o@example.org", role=Role.OPERATOR)


def test_counts_are_of_what_plays_and_of_what_is_there(rosbag: Rosbag, user: User) -> None:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get(f"/api/v1/rosbags/{rosbag.pk}").json()
    assert (answer["status"], answer["message_count"]) == ("ready_with_warnings", 3)
    assert [warning["code"] for warning in answer["warnings"]] == ["TOPIC_SKIPPED"]
    assert "/notes (2)" in answer["warnings"][0]["sentence"]
    topics = {t["name"]: (t["message_count"], t["playable"]) for t in answer["topics"]}
    assert topics == {"/odom": (3, True), "/notes": (2, False)}


def test_previews_say_why_there_is_none(rosbag: Rosbag, user: User) -> None:
    client = APIClient()
    client.force_authenticate(user)
    answer = client.get(f"/api/v1/rosbags/{rosbag.pk}/fields?topic=/notes")
    assert (answer.status_code, answer.json()["code"]) == (422, "TYPE_UNSUITABLE")
    assert "serialized as json" in answer.json()["detail"]


def test_the_console_says_that_it_is_skipped(rosbag: Rosbag, user: User, client: Client) -> None:
    client.force_login(user)
    page = client.get(f"/admin/storage/rosbag/{rosbag.pk}/change/").content.decode()
    assert page.count("skipped: json") == 1
    preview = client.get(f"/admin/storage/rosbag/{rosbag.pk}/part/preview/").content.decode()
    assert "/odom" in preview
    assert "/notes" not in preview

"""Previews and exports in the console: drawings, decoded messages, forms; nothing of a bag becomes markup."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from rosbag2.formats.metadata import Topic
from rosbag2.tests.messages import encoded
from rosbag2.writing.sample import START_NS, make_sample
from rosbag2.writing.sqlite_writer import BagWriter
from storage import tasks
from storage.models import Export, Rosbag
from storage.objects import object_store
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
URL = "/admin/storage/rosbag/"
EVIL = '/"><script>alert(1)</script>'


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


@pytest.fixture
def drive(tmp_path: Path) -> Rosbag:
    make_sample(tmp_path / "drive", seconds=3)
    return stored_bag(tmp_path / "drive")


@pytest.fixture
def evil(tmp_path: Path) -> Rosbag:
    with BagWriter(tmp_path / "evil") as bag:
        chat = bag.add_topic(Topic(EVIL, "std_msgs/msg/String"))
        bag.write(chat, START_NS, encoded("std_msgs/msg/String", data=EVIL))
        bag.write(chat, START_NS + 5, encoded("std_msgs/msg/String", data="</pre><img src=x>"))
        kind = bag.add_topic(Topic("/kind", f"a_msgs/msg/{EVIL}"))
        bag.write(kind, START_NS, b"\0\1\0\0")
    return stored_bag(tmp_path / "evil")


def part(rosbag: Rosbag, name: str) -> str:
    return f"{URL}{rosbag.pk}/part/{name}/"


def test_the_page_shows_activity_and_a_time_line(operator: Client, drive: Rosbag) -> None:
    page = operator.get(f"{URL}{drive.pk}/change/").content.decode()
    assert page.count('class="storage-activity"') == 3
    assert page.count('data-handle="') == 2
    assert f'data-fragment="{part(drive, "preview")}"' in page
    assert page.count(" s</text>") > 2  # the scale, at round times
    assert ">0.0 s</text>" in page


def test_messages_of_one_instant_have_no_time_line(operator: Client, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        chat = bag.add_topic(Topic("/chat", "std_msgs/msg/String"))
        for at in range(3):
            bag.write(chat, START_NS + at * 1000, encoded("std_msgs/msg/String", data="x"))
    page = operator.get(f"{URL}{stored_bag(tmp_path / 'bag').pk}/change/").content.decode()
    assert 'id="time-line"' not in page
    assert "within one millisecond" in page


def test_gaps_are_listed_and_drawn(operator: Client, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        chat = bag.add_topic(Topic("/chat", "std_msgs/msg/String"))
        for at in [*range(20), *range(60, 80)]:
            bag.write(chat, START_NS + at * 10**8, encoded("std_msgs/msg/String", data="x"))
    rosbag = stored_bag(tmp_path / "bag")
    topic = rosbag.topics.get()
    assert topic.gap_count == 1
    assert abs(topic.period_ns - 10**8) < 10**7  # counted in classes
    assert topic.gaps == [[START_NS + 19 * 10**8, START_NS + 60 * 10**8]]
    assert 'class="gap"' in operator.get(f"{URL}{rosbag.pk}/change/").content.decode()
    page = operator.get(part(rosbag, "topics")).content.decode()
    assert "(4.100 s)" in page
    data = operator.get(f"/api/v1/rosbags/{rosbag.pk}/topics").json()["results"][0]
    assert (data["gap_count"], data["gaps"]) == (1, topic.gaps)
    assert operator.get(f"/api/v1/rosbags/{rosbag.pk}/timeline").json()["topics"][0]["gaps"]


def test_previews_of_a_drive(operator: Client, drive: Rosbag) -> None:
    cards = operator.get(part(drive, "preview")).content.decode()
    assert 'data-view="trajectory"' in cards
    assert 'data-view="pictures"' not in cards
    track = operator.get(part(drive, "trajectory"), {"topic": "/odom"}).content.decode()
    for shown in ("storage-track", "x (m)", 'class="scale"', 'class="start"', "odom"):
        assert shown in track
    messages = operator.get(part(drive, "messages"), {"topic": "/odom", "start": "1s"})
    text = messages.content.decode()
    for shown in ("<b>1.000 s</b>", "child_frame_id", "float64", "Next messages"):
        assert shown in text


def test_gaps_of_a_trajectory_are_not_joined(operator: Client, tmp_path: Path) -> None:
    kind = "geometry_msgs/msg/Point"
    with BagWriter(tmp_path / "bag") as bag:
        where = bag.add_topic(Topic("/where", kind))
        for at in [*range(20), *range(60, 80)]:
            bag.write(where, START_NS + at * 10**8, encoded(kind, x=float(at), y=at * at * 0.01))
    rosbag = stored_bag(tmp_path / "bag")
    drawn = operator.get(part(rosbag, "trajectory"), {"topic": "/where"}).content.decode()
    assert drawn.count("<polyline") == 2
    assert "1 gap, not joined" in drawn


@pytest.mark.parametrize(
    ("name", "query", "problem"),
    [
        ("messages", {"topic": "/none<b>"}, "There is no topic"),
        ("trajectory", {"topic": "/scan"}, "The topic has no such preview"),
        ("pictures", {}, "There is no topic"),
        ("messages", {"topic": "/odom", "start": "<b>"}, "is not a time"),
    ],
)
def test_a_preview_says_its_problem(
    operator: Client, drive: Rosbag, name: str, query: dict[str, str], problem: str
) -> None:
    page = operator.get(part(drive, name), query).content.decode()
    assert problem in page
    assert "<b>" not in page


def test_where_the_page_would_ask_in_vain_it_says_why(
    operator: Client, drive: Rosbag, evil: Rosbag
) -> None:
    evil.topics.exclude(name="/kind").delete()
    page = operator.get(part(evil, "preview")).content.decode()
    assert '<p class="quiet" data-note aria-live="polite"></p>' not in page
    assert "data-series" in page
    store = object_store()
    store.delete([file.key for file in drive.files.all()])
    page = operator.get(part(drive, "preview")).content.decode()
    assert "no longer in the storage" in page
    assert "data-series" not in page


def test_pictures_have_their_times(operator: Client, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as bag:
        camera = bag.add_topic(Topic("/camera", "sensor_msgs/msg/Image"))
        fields = {"width": 4, "height": 4, "encoding": "mono8", "step": 4}
        for at in range(3):
            data = np.full(16, at * 50, np.uint8)
            message = encoded("sensor_msgs/msg/Image", data=data, **fields)
            bag.write(camera, START_NS + at * 10**9, message)
    rosbag = stored_bag(tmp_path / "bag")
    page = operator.get(part(rosbag, "pictures"), {"topic": "/camera"}).content.decode()
    assert page.count("data:image/jpeg;base64,") == 3
    assert "<b>2.000 s</b>" in page
    assert 'datetime="2023-11-14T22:13:22' in page
    query = {"topic": "/camera", "start": "0.5s", "end": "1.5s"}
    page = operator.get(part(rosbag, "pictures"), query).content.decode()
    assert page.count("data:image/jpeg;base64,") == 1
    assert "<b>1.000 s</b>" in page


def test_bag_content_is_escaped(operator: Client, evil: Rosbag) -> None:
    addresses = [f"{URL}{evil.pk}/change/", f"{URL}{evil.pk}/export/", URL]
    addresses += [part(evil, name) for name in ("topics", "files", "preview", "state", "exports")]
    pages = [operator.get(address) for address in addresses]
    for topic in evil.topics.all():
        pages.append(operator.get(part(evil, "messages"), {"topic": topic.name}))
    for answer in pages:
        assert answer.status_code == 200
        page = answer.content.decode()
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
    assert "&lt;script&gt;alert(1)" in pages[0].content.decode()


def test_unusable_rosbag_has_no_preview_and_no_export(operator: Client) -> None:
    rosbag = Rosbag.objects.create(name="new", status="rejected", code="EMPTY")
    page = operator.get(f"{URL}{rosbag.pk}/change/").content.decode()
    assert 'id="preview"' not in page
    assert "Export a part" not in page
    assert "It cannot be played." in page


def test_export_form_requests_a_part(operator: Client, drive: Rosbag) -> None:
    url = f"{URL}{drive.pk}/export/"
    assert "/odom" in operator.get(url).content.decode()
    form_data = {
        "format": "csv",
        "topics": ["/odom"],
        "start": "1s",
        "fields": "pose.pose.position.x",
    }
    answer = operator.post(url, form_data)
    export = Export.objects.get()
    assert answer["Location"] == f"/admin/storage/export/{export.pk}/change/"
    assert (export.fields, export.start_ns) == (["pose.pose.position.x"], START_NS + 10**9)
    tasks.make_export.func(export.pk)
    page = operator.get(answer["Location"]).content.decode()
    assert "The export is done." in page
    assert re.search(r'href="/storage/objects/[^"]+">Download', page)
    wrong = operator.post(url, {**form_data, "start": "<i>never"}).content.decode()
    assert "is not a time" in wrong
    assert "<i>never" not in wrong


def test_action_exports_complete_rosbags(operator: Client, drive: Rosbag) -> None:
    busy = Rosbag.objects.create(name="busy", status="verifying")
    chosen = {"action": "export_mcap", "_selected_action": [drive.pk, busy.pk]}
    page = operator.post(URL, chosen, follow=True).content.decode()
    assert "1 export was requested." in page
    assert "busy" in page
    export = Export.objects.get()
    assert f"/admin/storage/export/{export.pk}/change/" in page
    operator.post(f"/admin/storage/export/{export.pk}/act/cancel/")
    export.refresh_from_db()
    assert export.status == "cancelled"


def test_viewers_see_previews_but_cannot_export(client: Client, drive: Rosbag) -> None:
    client.force_login(User.objects.create(email="v@example.org", role=Role.VIEWER))
    assert client.get(part(drive, "preview")).status_code == 200
    assert client.get(f"{URL}{drive.pk}/export/").status_code == 403
    client.post(URL, {"action": "export_mcap", "_selected_action": [drive.pk]})
    assert not Export.objects.exists()
    assert client.get("/admin/storage/export/").status_code == 200


def test_anonymous_users_are_redirected(client: Client, drive: Rosbag) -> None:
    answer: Any = client.get(part(drive, "preview"))
    assert answer.status_code == 302

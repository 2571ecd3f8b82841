"""Previews over the API: messages, fields, trajectories, series, the time line."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from rosbag2.formats.metadata import Topic
from rosbag2.tests.messages import encoded
from rosbag2.writing.sample import START_NS, make_sample
from rosbag2.writing.sqlite_writer import BagWriter
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.services.maintenance import integrity
from storage.services.previews import child
from storage.services.rosbags import deletion
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
SECOND = 10**9


@pytest.fixture
def viewer() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(email="v@example.org", role=Role.VIEWER))
    return client


def stored(folder: Path) -> Rosbag:
    return stored_bag(folder)


@pytest.fixture
def drive(tmp_path: Path) -> str:
    make_sample(tmp_path / "drive", seconds=2)
    return f"/api/v1/rosbags/{stored(tmp_path / 'drive').pk}"


def lines(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line, parse_constant=refuse) for line in b"".join(answer).splitlines()]


def refuse(word: str) -> None:
    raise ValueError(word)


def test_messages_are_decoded_lines(viewer: APIClient, drive: str) -> None:
    result = lines(viewer.get(f"{drive}/messages", {"topic": "/odom", "limit": 3}))
    assert [item["time_ns"] for item in result] == [START_NS + 50_000_000 * n for n in range(3)]
    assert result[0]["time"] == "2023-11-14T22:13:20.000000000Z"
    assert result[0]["message"]["pose"]["pose"]["position"] == {"x": 0.0, "y": 0.0, "z": 0.0}
    assert result[0]["message"]["child_frame_id"] == "base_link"
    assert {item["error"] for item in result} == {None}
    mixed = lines(viewer.get(f"{drive}/messages", {"limit": 10}))
    assert {item["topic"] for item in mixed} == {"/odom", "/imu", "/scan"}


def test_messages_of_a_span(viewer: APIClient, drive: str) -> None:
    first, last = START_NS + SECOND, START_NS + SECOND + 100_000_000
    ways = [
        {"start": str(first), "end": str(last)},
        {"start": "1s", "end": "1.1s"},
        {"start": "+1", "end": "1.10"},
        {"start": "2023-11-14T22:13:21Z", "end": "2023-11-14T23:13:21.1+01:00"},
    ]
    for way in ways:
        result = lines(viewer.get(f"{drive}/messages", {"topic": "/odom", **way}))
        assert [item["time_ns"] for item in result] == [first, first + 50_000_000, last], way
    assert len(lines(viewer.get(f"{drive}/messages", {"topic": "/odom", "start": "-0.1s"}))) in (
        2,
        3,
    )


def test_long_arrays_are_cut_with_their_length(viewer: APIClient, drive: str) -> None:
    [result] = lines(viewer.get(f"{drive}/messages", {"topic": "/scan", "limit": 1, "items": 3}))
    assert result["message"]["ranges"]["length"] == 240
    assert len(result["message"]["ranges"]["first"]) == 3
    [complete] = lines(
        viewer.get(f"{drive}/messages", {"topic": "/scan", "limit": 1, "items": 240})
    )
    assert len(complete["message"]["ranges"]) == 240


def test_same_query_is_not_modified(viewer: APIClient, drive: str) -> None:
    query = {"topic": "/odom", "limit": 1}
    etag = viewer.get(f"{drive}/messages", query)["ETag"]
    again = viewer.get(f"{drive}/messages", query, headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert viewer.get(f"{drive}/messages", {**query, "limit": 2})["ETag"] != etag
    assert viewer.head(f"{drive}/messages", query)["ETag"] == etag


PROBLEMS: list[tuple[str, Any, int, str]] = [
    ("messages", {"topic": "/none"}, 404, "TOPIC_UNKNOWN"),
    ("messages", {"topic": "/odom", "start": "tomorrow"}, 400, "INVALID"),
    ("messages", {"topic": "/odom", "start": "2023-02-30"}, 422, "TIME_INVALID"),
    ("messages", {"topic": "/odom", "start": "2s", "end": "1s"}, 422, "TIME_INVALID"),
    ("messages", {"topic": "/odom", "end": "5"}, 422, "TIME_INVALID"),
    ("messages", {"topic": "/odom", "limit": "0"}, 400, "INVALID"),
    ("messages", {"topic": "/odom", "limit": "10001"}, 400, "INVALID"),
    ("messages", {"topik": "/odom"}, 400, "INVALID"),
    ("messages", {"topic": ["/odom", "/imu"]}, 400, "INVALID"),
    ("trajectory", {"topic": "/scan"}, 422, "TYPE_UNSUITABLE"),
    ("trajectory", {"topic": "/none"}, 404, "TOPIC_UNKNOWN"),
    ("trajectory", {}, 400, "INVALID"),
    ("series", {"topic": "/odom", "field": "pose.pose"}, 422, "FIELD_UNKNOWN"),
    ("series", {"topic": "/odom", "field": "pose.none"}, 422, "FIELD_UNKNOWN"),
    ("series", {"topic": "/odom", "field": "pose.covariance[36]"}, 422, "FIELD_UNKNOWN"),
    ("series", {"topic": "/odom", "field": "child_frame_id"}, 422, "FIELD_UNKNOWN"),
    ("series", {"topic": "/odom", "field": "a b"}, 422, "FIELD_UNKNOWN"),
    ("thumbnails", {"topic": "/odom"}, 422, "TYPE_UNSUITABLE"),
    ("thumbnails/12", {"topic": "/odom"}, 422, "TYPE_UNSUITABLE"),
    ("fields", {"topic": "/none"}, 404, "TOPIC_UNKNOWN"),
]


def test_invalid_requests_are_problems(viewer: APIClient, drive: str) -> None:
    for endpoint, query, status, code in PROBLEMS:
        answer = viewer.get(f"{drive}/{endpoint}", query)
        data = (answer.status_code, answer.json()["code"])
        assert data == (status, code), (endpoint, query, answer.json())
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"]


def test_fields_lead_to_series(viewer: APIClient, drive: str) -> None:
    result = {
        item["path"]: item for item in viewer.get(f"{drive}/fields", {"topic": "/odom"}).json()
    }
    assert result["pose.pose.position.x"] == {
        "path": "pose.pose.position.x",
        "type": "float64",
        "items": 1,
    }
    assert result["pose.covariance[0]"]["items"] == 36
    for path in ("pose.pose.position.x", "pose.covariance[0]", "twist.covariance[0]"):
        answer = viewer.get(f"{drive}/series", {"topic": "/odom", "field": path, "points": 4})
        assert answer.json()["count"] == 40, path
        assert len(answer.json()["points"]) == 4
    scan = {item["path"]: item for item in viewer.get(f"{drive}/fields", {"topic": "/scan"}).json()}
    assert scan["ranges[0]"]["items"] is None
    far = viewer.get(f"{drive}/series", {"topic": "/scan", "field": "ranges[999]"}).json()
    assert (far["count"], far["missing"]) == (0, 10)


def test_a_series_keeps_peaks(viewer: APIClient, drive: str) -> None:
    address, field = f"{drive}/series", "pose.pose.position.x"
    query = {"topic": "/odom", "field": field}
    fine = viewer.get(address, {**query, "points": 500}).json()["points"]
    rough = viewer.get(address, {**query, "points": 2}).json()["points"]
    assert max(item["max"] for item in rough) == max(item["max"] for item in fine)
    assert min(item["min"] for item in rough) == min(item["min"] for item in fine)
    part = viewer.get(address, {**query, "start": "1s", "end": "1.1s"}).json()
    assert part["count"] == 3


def test_a_trajectory_is_thinned(viewer: APIClient, drive: str) -> None:
    result = viewer.get(f"{drive}/trajectory", {"topic": "/odom", "points": 10}).json()
    assert (result["frame"], result["child_frame"], result["geographic"]) == (
        "odom",
        "base_link",
        False,
    )
    assert (result["positions"], len(result["points"])) == (40, 10)
    assert result["points"][0] == [START_NS, 0.0, 0.0, 0.0]
    assert 2 < result["length"] < 10


def test_the_time_line_comes_from_the_index(viewer: APIClient, drive: str) -> None:
    result = viewer.get(f"{drive}/timeline").json()
    assert result["start_ns"] == START_NS
    assert result["end_ns"] == START_NS + result["duration_ns"]
    assert {item["path"] for item in result["files"]} == {"metadata.yaml", "drive_0.db3"}
    assert {item["name"]: sum(item["histogram"]) for item in result["topics"]} == {
        item["name"]: item["message_count"] for item in result["topics"]
    }


@pytest.mark.parametrize("store", ["folder", "s3"], indirect=True)
def test_previews_are_cached_and_removed_with_the_rosbag(
    store: ObjectStore, viewer: APIClient, drive: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = {"topic": "/odom", "points": 5}
    first = viewer.get(f"{drive}/trajectory", query).json()
    rosbag = Rosbag.objects.get()
    cached = list(object_store().list("derived/"))
    assert [item.key.split("/")[1] for item in cached] == [str(rosbag.pk)]
    assert integrity.check().orphaned == []
    monkeypatch.setattr(child, "lines", lambda *_args, **_more: pytest.fail("made again"))
    assert viewer.get(f"{drive}/trajectory", query).json() == first
    deletion.discard(rosbag)
    assert list(object_store().list("derived/")) == []


def test_previews_without_rosbag_are_orphans(viewer: APIClient, drive: str) -> None:
    viewer.get(f"{drive}/fields", {"topic": "/odom"})
    Rosbag.objects.all().delete()
    orphans = {item.key.split("/")[0] for item in integrity.check().orphaned}
    assert orphans == {"derived", "rosbags"}


def test_unknown_types_are_reported(viewer: APIClient, tmp_path: Path) -> None:
    with BagWriter(tmp_path / "own") as bag:
        number = bag.add_topic(Topic("/own", "own_msgs/msg/Own"))
        bag.write(number, START_NS, bytes([0, 1, 0, 0, 1, 2, 3, 4]))
    url = f"/api/v1/rosbags/{stored(tmp_path / 'own').pk}"
    [result] = lines(viewer.get(f"{url}/messages", {"topic": "/own"}))
    assert (result["message"], result["size"]) == (None, 8)
    assert result["error"]["code"] == "TYPE_UNKNOWN"
    assert "own_msgs/msg/Own" in result["error"]["detail"]
    for endpoint, more in (("fields", {}), ("trajectory", {}), ("series", {"field": "x"})):
        answer = viewer.get(f"{url}/{endpoint}", {"topic": "/own", **more})
        assert (answer.status_code, answer.json()["code"]) == (422, "TYPE_UNKNOWN")


def test_numbers_that_json_cannot_represent(viewer: APIClient, tmp_path: Path) -> None:
    values = [math.nan, math.inf, -math.inf, 1.5]
    with BagWriter(tmp_path / "odd") as bag:
        number = bag.add_topic(Topic("/value", "std_msgs/msg/Float64"))
        for at, value in enumerate(values):
            bag.write(number, START_NS + at, encoded("std_msgs/msg/Float64", data=value))
    url = f"/api/v1/rosbags/{stored(tmp_path / 'odd').pk}"
    result = lines(viewer.get(f"{url}/messages", {"topic": "/value"}))
    assert [item["message"]["data"] for item in result] == ["NaN", "Infinity", "-Infinity", 1.5]
    data = viewer.get(f"{url}/series", {"topic": "/value", "field": "data"}).json()
    assert (data["count"], data["not_finite"]) == (1, 3)


def test_previews_of_a_rosbag_that_is_not_ready(viewer: APIClient) -> None:
    rosbag = Rosbag.objects.create(name="new", status="verifying")
    for endpoint in (
        "messages",
        "trajectory?topic=/odom",
        "series?topic=/a&field=b",
        "fields?topic=/a",
    ):
        answer = viewer.get(f"/api/v1/rosbags/{rosbag.pk}/{endpoint}")
        assert (answer.status_code, answer.json()["code"]) == (409, "ROSBAG_NOT_READY")
    assert viewer.get(f"/api/v1/rosbags/{rosbag.pk}/timeline").json()["topics"] == []

"""Templates over HTTP."""

from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

pytestmark = pytest.mark.django_db
URL = "/api/v1/templates"


@pytest.fixture
def operator() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(email="o@example.org", role=Role.OPERATOR))
    return client


def test_create_read_change_and_delete(operator: APIClient, rosbag: Rosbag) -> None:
    wanted = {
        "name": "Loader",
        "rosbag": rosbag.pk,
        "topics": ["/odom"],
        "rate": 0,
        "unsupported_topics": "leave_out",
        "record_topics": [{"name": "/scan", "type": "sensor_msgs/msg/LaserScan"}],
    }
    answer = operator.post(URL, wanted)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert wanted.items() <= made.items()
    assert (made["version"], made["created_by"]) == (1, "o@example.org")
    one = f"{URL}/{made['id']}"
    assert operator.get(one).json() == made
    changed = operator.patch(one, {"rate": 2.5}).json()
    assert (changed["rate"], changed["version"], changed["topics"]) == (2.5, 2, ["/odom"])
    changed = operator.patch(one, {"max_gap_seconds": 60}).json()
    assert (changed["max_gap_seconds"], changed["version"]) == (60, 3)
    changed = operator.patch(one, {"max_gap_seconds": None}).json()
    assert (changed["max_gap_seconds"], changed["version"]) == (None, 4)
    changed = operator.put(one, {"name": "Digger", "rosbag": rosbag.pk}).json()
    assert (changed["name"], changed["version"]) == ("Digger", 5)
    assert changed["unsupported_topics"] == "leave_out"
    assert operator.delete(one).status_code == 204
    assert operator.get(one).status_code == 404
    assert operator.patch(one, {"rate": 1}).status_code == 404


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"topics": ["/odom", "/none"]}, 422, "/topics/1"),
        ({"rosbag": 999999}, 422, "/rosbag"),
        ({"rate": -1}, 422, "/rate"),
        ({"rate": "nan"}, 400, "/rate"),
        ({"rate": "fast"}, 400, "/rate"),
        ({"max_gap_seconds": 0}, 422, "/max_gap_seconds"),
        ({"max_gap_seconds": "60"}, 400, "/max_gap_seconds"),
        ({"rosbag": None}, 400, "/rosbag"),
        ({"rosbag": 2**63}, 400, "/rosbag"),
        ({"topics": "/odom"}, 400, "/topics"),
        ({"topics": [{}]}, 400, "/topics/0"),
        ({"record_topics": [{"name": "/scan"}]}, 400, "/record_topics/0/type"),
        ({"name": "x" * 201}, 400, "/name"),
        ({"excluded_topics": ["/none"]}, 422, "/excluded_topics/0"),
        ({"excluded_topics": "/odom"}, 400, "/excluded_topics"),
        ({"renames": {"/odom": "no name"}}, 422, "/renames/~1odom"),
        ({"renames": {"/odom": 7}}, 400, "/renames/~1odom"),
        ({"renames": ["/odom"]}, 400, "/renames"),
        ({"definitions": {"my_msgs/msg/Status": "int"}}, 422, "/definitions/my_msgs~1msg~1Status"),
        ({"definitions": {"my_msgs/msg/Status": 1}}, 400, "/definitions/my_msgs~1msg~1Status"),
        ({"start_offset": None}, 400, "/start_offset"),
        ({"clock_hz": 0.01}, 422, "/clock_hz"),
        ({"restamp": "yes"}, 400, "/restamp"),
        ({"record_scope": "all"}, 400, "/record_scope"),
        ({"unsupported_topics": "ignore"}, 400, "/unsupported_topics"),
        ({"agent_cpu": 0}, 422, "/agent_cpu"),
        ({"agent_cpu_limit": 64_001}, 422, "/agent_cpu_limit"),
        ({"agent_memory": -1}, 422, "/agent_memory"),
        ({"agent_memory_limit": 2**40}, 422, "/agent_memory_limit"),
        ({"agent_memory": 1.5}, 400, "/agent_memory"),
        ({"agent_cpu": "100m"}, 400, "/agent_cpu"),
        ({"agent_cpu": 100, "agent_cpu_limit": 99}, 422, "/agent_cpu_limit"),
        ({"agent_memory": 100, "agent_memory_limit": 99}, 422, "/agent_memory_limit"),
    ],
)
def test_errors_have_pointers(
    operator: APIClient, rosbag: Rosbag, change: dict[str, Any], status: int, pointer: str
) -> None:
    answer = operator.post(URL, {"name": "Loader", "rosbag": rosbag.pk} | change)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Template.objects.exists()


def test_options_of_replay_and_recording(operator: APIClient, rosbag: Rosbag) -> None:
    wanted = {
        "excluded_topics": ["/imu"],
        "renames": {"/odom": "/wheel/odom"},
        "start_offset": 1.5,
        "end_offset": 2,
        "pass_gap": 10,
        "clock_hz": 100,
        "restamp": True,
        "prefix_frames": True,
        "required_subscribers": ["/odom"],
        "match_seconds": 5,
        "record_scope": "agent",
        "record_storage": "sqlite3",
        "definitions": {"my_msgs/msg/Status": " int32 code\n"},
    }
    answer = operator.post(URL, {"name": "Loader", "rosbag": rosbag.pk} | wanted)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert wanted.items() <= made.items()
    changed = operator.patch(f"{URL}/{made['id']}", {"end_offset": None, "renames": {}}).json()
    assert (changed["end_offset"], changed["renames"], changed["version"]) == (None, {}, 2)


def test_resources_of_an_agent(operator: APIClient, rosbag: Rosbag) -> None:
    wanted = {"agent_cpu": 50, "agent_cpu_limit": 50, "agent_memory": 6, "agent_memory_limit": 12}
    made = operator.post(URL, {"name": "Loader", "rosbag": rosbag.pk} | wanted).json()
    assert wanted.items() <= made.items()
    one = f"{URL}/{made['id']}"
    changed = operator.patch(one, {"agent_cpu_limit": None, "agent_memory": 12}).json()
    assert (changed["agent_cpu_limit"], changed["agent_memory"]) == (None, 12)
    refused = operator.patch(one, {"agent_memory": 13})  # the stored limit is 12
    assert [e["code"] for e in refused.json()["errors"]] == ["LIMIT_BELOW_REQUEST"]


def test_repeated_idempotency_key_creates_one_template(operator: APIClient, rosbag: Rosbag) -> None:
    body = {"name": "Loader", "rosbag": rosbag.pk}
    answers = [operator.post(URL, body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_list_query_count_is_constant(
    operator: APIClient, rosbag: Rosbag, django_assert_num_queries: Any
) -> None:
    author = User.objects.get()
    for number in range(4):
        templates.create(name=f"t{number}", rosbag=rosbag, created_by=author)
    with django_assert_num_queries(1):
        data = operator.get(URL).json()["results"]
    assert [item["name"] for item in data] == ["t3", "t2", "t1", "t0"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=oad", ["Loader"]),
        ("robot_type=crane", ["Crane"]),
        ("ordering=name", ["Crane", "Loader"]),
    ],
)
def test_list_filters(operator: APIClient, rosbag: Rosbag, query: str, names: list[str]) -> None:
    templates.create(name="Loader", rosbag=rosbag)
    templates.create(name="Crane", rosbag=rosbag, robot_type="crane")
    data = operator.get(f"{URL}?{query}").json()["results"]
    assert [item["name"] for item in data] == names


def test_viewers_only_read(rosbag: Rosbag) -> None:
    viewer = APIClient()
    viewer.force_authenticate(User.objects.create(email="v@example.org", role=Role.VIEWER))
    assert viewer.get(URL).status_code == 200
    assert viewer.post(URL, {"name": "Loader", "rosbag": rosbag.pk}).status_code == 403
    assert APIClient().get(URL).status_code == 401


def test_template_dirs_stay_empty() -> None:
    assert settings.TEMPLATES[0]["DIRS"] == []


def test_deleted_templates_are_listed_and_restored(operator: APIClient, rosbag: Rosbag) -> None:
    first, other = (templates.create(name=name, rosbag=rosbag) for name in ("Loader", "Digger"))
    answer = operator.post(f"{URL}/bulk/delete", {"ids": [first.pk, 10**6]})
    data = [(item["done"], item["code"]) for item in answer.json()["results"]]
    assert data == [(True, ""), (False, "NOT_FOUND")]
    assert [row["id"] for row in operator.get(URL).json()["results"]] == [other.pk]
    assert [row["id"] for row in operator.get(f"{URL}?deleted=true").json()["results"]] == [
        first.pk
    ]
    templates.update(other, name="Loader")
    refused = operator.post(f"{URL}/{first.pk}/restore")
    assert (refused.status_code, refused.json()["code"]) == (422, "TEMPLATE_INVALID")
    templates.update(other, name="Digger")
    assert operator.post(f"{URL}/{first.pk}/restore").json()["deleted_at"] is None
    assert len(operator.get(f"{URL}?search=LOAD").json()["results"]) == 1


def test_unknown_fields_are_refused_by_name(operator: APIClient, rosbag: Rosbag) -> None:
    topic = {"name": "/scan", "type": "sensor_msgs/msg/LaserScan", "qos": 1}
    body = {"name": "x", "rosbag": rosbag.pk, "speed": 2, "record_topics": [topic]}
    answer = operator.post(URL, body)
    assert answer.status_code == 400
    pointers = {(e["pointer"], e["code"]) for e in answer.json()["errors"]}
    assert pointers == {("/speed", "UNKNOWN_FIELD"), ("/record_topics/0/qos", "UNKNOWN_FIELD")}


def test_patch_requires_complete_record_topics(operator: APIClient, rosbag: Rosbag) -> None:
    made = operator.post("/api/v1/templates", {"name": "courier", "rosbag": rosbag.pk}).json()
    body = {"record_topics": [{"name": "/odom"}]}
    answer = operator.patch(f"/api/v1/templates/{made['id']}", body)
    assert answer.status_code == 400, answer.content
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/record_topics/0/type"]

"""The rules of templates."""

from typing import Any

import pytest
from auditlog.models import LogEntry
from django.db import IntegrityError, connection, transaction

from storage.choices import Status
from storage.models import Rosbag, RosbagTopic
from templates.admin.topics import topic_table
from templates.exceptions import TemplateDeletedError, TemplateError
from templates.models import Template
from templates.services import templates
from templates.services.validation.names import is_topic_name

SCAN = {"name": "/scan", "type": "sensor_msgs/msg/LaserScan"}


@pytest.fixture
def template(rosbag: Rosbag) -> Template:
    return templates.create(name="Loader", rosbag=rosbag)


def codes(caught: pytest.ExceptionInfo[TemplateError]) -> dict[str, str]:
    return {error.pointer: error.code for error in caught.value.errors}


def test_a_template_with_defaults_plays_everything_at_recorded_speed(template: Template) -> None:
    template.refresh_from_db()
    assert (template.topics, template.rate, template.record_topics) == ([], 1, [])
    assert (template.record_own, template.version, template.deleted_at) == (True, 1, None)


def test_template_with_all_fields(rosbag: Rosbag) -> None:
    template = templates.create(
        name="Loader",
        rosbag=rosbag.pk,
        robot_type="excavator",
        description="Drives.",
        topics=("/odom",),
        rate=0.5,
        record_topics=[{"name": "scan", "type": SCAN["type"]}],
        record_own=False,
    )
    template.refresh_from_db()
    assert template.topics == ["/odom"]
    assert template.record_topics == [SCAN]


def test_servers_of_the_version_before_create_templates_too(rosbag: Rosbag) -> None:
    columns = "name, robot_type, description, rosbag_id, topics, rate, record_topics, record_own"
    columns += ", unsupported_topics, version, created_at, updated_at"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO templates_template ({columns}) VALUES "  # noqa: S608
            "('old', '', '', %s, '[]', 1, '[]', true, 'refuse', 1, "
            "'2026-01-01 00:00+00:00', '2026-01-01 00:00+00:00')",
            [rosbag.pk],
        )
    template = Template.objects.get()
    assert (template.excluded_topics, template.renames, template.definitions) == ([], {}, {})
    assert (template.required_subscribers, template.match_seconds) == ([], 30)
    assert templates.update(template, name="new").version == 2


def test_changes_of_definitions_are_audited_by_their_digests(template: Template) -> None:
    for text in ("int32 code\n", "int64 code\n"):
        templates.update(template, definitions={"my_msgs/msg/Status": text}, pass_gap=len(text))
    [second, first] = LogEntry.objects.get_for_object(template)[:2]
    before, after = second.changes_dict["definitions"]
    assert "my_msgs/msg/Status" in before
    assert before != after
    assert "int64" not in after
    assert first.changes_dict["pass_gap"] == ["0.0", "11"]
    assert "pass_gap" not in second.changes_dict


def test_topics_of_the_rosbag_can_be_recorded_whatever_their_name(rosbag: Rosbag) -> None:
    RosbagTopic.objects.create(rosbag=rosbag, name="/imu-data", type=SCAN["type"], message_count=1)
    RosbagTopic.objects.create(rosbag=rosbag, name="9 lives", type=SCAN["type"], message_count=1)
    odd = [{**SCAN, "name": "/imu-data"}, {**SCAN, "name": "/9 lives"}]
    template = templates.create(name="Loader", rosbag=rosbag, record_topics=odd)
    assert templates.update(template, record_topics=[*odd, SCAN]).record_topics == [*odd, SCAN]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"name": ""}, {"/name": "NAME_INVALID"}),
        ({"name": "  "}, {"/name": "NAME_INVALID"}),
        ({"name": "x" * 201}, {"/name": "NAME_INVALID"}),
        ({"name": "a\0b"}, {"/name": "NAME_INVALID"}),
        ({"rate": -1}, {"/rate": "RATE_INVALID"}),
        ({"rate": float("nan")}, {"/rate": "RATE_INVALID"}),
        ({"rate": float("inf")}, {"/rate": "RATE_INVALID"}),
        ({"rosbag": None}, {"/rosbag": "ROSBAG_NOT_FOUND"}),
        ({"rosbag": 10**12}, {"/rosbag": "ROSBAG_NOT_FOUND"}),
        ({"topics": ["/odom", "/none"]}, {"/topics/1": "TOPIC_NOT_IN_ROSBAG"}),
        (
            {"topics": ["/odom", "/odom"]},
            {"/topics/0": "TOPIC_REPEATED", "/topics/1": "TOPIC_REPEATED"},
        ),
        ({"topics": ["/odom"] * 1001}, {"/topics": "TOO_MANY_TOPICS"}),
        (
            {"record_topics": [{"name": "/1st", "type": "LaserScan"}]},
            {
                "/record_topics/0/name": "TOPIC_NAME_INVALID",
                "/record_topics/0/type": "TYPE_NAME_INVALID",
            },
        ),
        (
            {"record_topics": [SCAN, {**SCAN, "name": "scan"}]},
            {"/record_topics/0/name": "TOPIC_REPEATED", "/record_topics/1/name": "TOPIC_REPEATED"},
        ),
        (
            {"record_topics": [{**SCAN, "name": "/imu-data"}]},
            {"/record_topics/0/name": "TOPIC_NAME_INVALID"},
        ),
        ({"name": "", "rate": -1}, {"/name": "NAME_INVALID", "/rate": "RATE_INVALID"}),
    ],
)
def test_invalid_values_are_refused(
    rosbag: Rosbag, values: dict[str, Any], expected: dict[str, str]
) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.create(**{"name": "Loader", "rosbag": rosbag} | values)
    assert codes(caught) == expected
    assert all(error.detail for error in caught.value.errors)
    assert not Template.objects.exists()


@pytest.mark.parametrize("status", [Status.UPLOADING, Status.VERIFYING, Status.REJECTED])
def test_a_rosbag_that_is_not_ready_is_refused(
    rosbag: Rosbag, template: Template, status: Status
) -> None:
    Rosbag.objects.update(status=status, code="METADATA_MISSING")
    with pytest.raises(TemplateError, match="not ready") as caught:
        templates.create(name="Other", rosbag=rosbag.pk)
    assert codes(caught) == {"/rosbag": "ROSBAG_NOT_READY"}
    with pytest.raises(TemplateError):
        templates.update(template, rosbag=rosbag.pk)


def test_a_deleted_rosbag_is_refused(rosbag: Rosbag, template: Template) -> None:
    other = Rosbag.objects.create(name="gone", status=Status.READY, deleted_at="2026-01-01T00:00Z")
    with pytest.raises(TemplateError) as caught:
        templates.update(template, rosbag=other)
    assert codes(caught) == {"/rosbag": "ROSBAG_NOT_FOUND"}


def test_another_rosbag_must_have_the_topics(rosbag: Rosbag) -> None:
    template = templates.create(name="Loader", rosbag=rosbag, topics=["/odom", "/imu"])
    other = Rosbag.objects.create(name="other", status=Status.READY_WITH_WARNINGS)
    RosbagTopic.objects.create(rosbag=other, name="/imu", type="t", message_count=1)
    with pytest.raises(TemplateError) as caught:
        templates.update(template, rosbag=other)
    assert codes(caught) == {"/topics/0": "TOPIC_NOT_IN_ROSBAG"}
    templates.update(template, rosbag=other, topics=["/imu"])
    assert template.rosbag == other


def test_topics_that_cannot_be_played_are_refused(rosbag: Rosbag) -> None:
    rosbag.topics.filter(name="/imu").update(serialization_format="json")
    with pytest.raises(TemplateError) as caught:
        templates.create(name="Loader", rosbag=rosbag, topics=["/odom", "/imu"])
    assert codes(caught) == {"/topics/1": "TOPIC_NOT_PLAYABLE"}
    assert [row.name for row in topic_table(rosbag.pk).rows] == ["/odom"]


def test_version_increases_with_each_change(template: Template) -> None:
    stale = Template.objects.get(pk=template.pk)
    templates.update(template, rate=2)
    templates.update(stale, description="Drives.")
    template.refresh_from_db()
    assert (template.version, template.rate, template.description) == (3, 2, "Drives.")
    templates.update(template, rate=2)
    assert template.version == 3


def test_name_is_unique_among_templates_that_are_not_deleted(
    rosbag: Rosbag, template: Template
) -> None:
    with pytest.raises(TemplateError) as caught:
        templates.create(name="Loader", rosbag=rosbag)
    assert codes(caught) == {"/name": "NAME_TAKEN"}
    templates.update(template, name="Loader")
    templates.delete(template)
    second = templates.create(name="Loader", rosbag=rosbag)
    with pytest.raises(TemplateError) as caught:
        templates.restore(template)
    assert codes(caught) == {"/name": "NAME_TAKEN"}
    templates.delete(second)
    assert templates.restore(template).deleted_at is None


def test_concurrent_requests_cannot_use_the_same_name(
    rosbag: Rosbag, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = templates.create(name="Other", rosbag=rosbag)
    with pytest.raises(IntegrityError), transaction.atomic():
        Template.objects.create(name="Loader", rosbag=rosbag)
    monkeypatch.setattr("templates.services.validation.values._name_taken", lambda *_args: [])
    for change in (
        lambda: templates.create(name="Loader", rosbag=rosbag),
        lambda: templates.update(other, name="Loader"),
    ):
        with pytest.raises(TemplateError) as caught:
            change()
        assert codes(caught) == {"/name": "NAME_TAKEN"}


def test_a_deleted_template_cannot_be_changed(template: Template) -> None:
    templates.delete(template)
    templates.delete(template)
    assert not Template.objects.living().exists()
    with pytest.raises(TemplateDeletedError):
        templates.update(template, rate=3)
    assert Template.objects.get().rate == 1


def test_unknown_field_is_a_type_error(template: Template) -> None:
    with pytest.raises(TypeError, match="version"):
        templates.update(template, version=7)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("/a", True),
        ("/a_1/B", True),
        ("a", False),
        ("/", False),
        ("/a/", False),
        ("//a", False),
        ("/1a", False),
        ("/a-b", False),
        ("/a b", False),
        ("/ä", False),
        ("/" + "a" * 254, True),
        ("/" + "a" * 255, False),
    ],
)
def test_topic_names(name: str, valid: bool) -> None:
    assert is_topic_name(name) is valid

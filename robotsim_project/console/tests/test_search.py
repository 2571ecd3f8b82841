"""The search over everything: what it finds, for whom, and at which cost."""

from typing import Any

import pytest
from django.test import Client

from accounts.choices import Role
from accounts.models import User
from simulations.admin import filters
from simulations.services.monitoring import search
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design, ended_execution
from storage.models import Rosbag
from templates.models import Template

pytestmark = pytest.mark.django_db


def results_of(client: Client, text: str) -> dict[str, list[str]]:
    """Names of the results by kind."""
    answer = client.get("/admin/search/", {"q": text, "part": "results"})
    assert answer.status_code == 200
    return {
        str(group.title): [hit.text for hit in group.hits] for group in answer.context["groups"]
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rush hour #14", ("rush hour", 14)),
        ("rush hour 14", ("rush hour", 14)),
        ("#14", ("", 14)),
        ("14", ("", 14)),
        ("rush hour", None),
        ("#", None),
        ("9" * 30, None),
    ],
)
def test_numbers_of_executions(text: str, expected: Any) -> None:
    numbered = search.numbered(text)
    assert (numbered and (numbered.name, numbered.number)) == expected


def test_executions_by_name_and_number(console: Console, design: Design) -> None:
    client = console(Role.VIEWER)
    simulation = design(name="Rush hour")
    for _number in range(3):
        ended_execution(simulation)
    ended_execution(design(name="night patrol"))
    assert results_of(client, "rush HOUR #2") == {"Executions": ["Rush hour #2"]}
    assert results_of(client, "#1") == {"Executions": ["night patrol #1", "Rush hour #1"]}
    by_name = results_of(client, "rush")
    assert by_name == {"Simulations": ["Rush hour"], "Executions": ["Rush hour #3"]}
    assert results_of(client, "no such name") == {}


def test_every_kind(console: Console, design: Design, rosbag: Rosbag) -> None:
    Rosbag.objects.update(name="course north")
    Template.objects.update(name="courier of the north")
    design(name="north and south").mec.__class__.objects.update(name="north gate")
    User.objects.create_user("north@example.org")
    results = results_of(console(Role.ADMIN), "north")
    assert results == {
        "Simulations": ["north and south"],
        "Rosbags": ["course north"],
        "Templates": ["courier of the north"],
        "Systems under test": ["north gate"],
        "People": ["north@example.org"],
    }
    assert "People" not in results_of(console(Role.OPERATOR), "north")


def test_deleted_rows_are_left_out(console: Console, rosbag: Rosbag) -> None:
    Rosbag.objects.update(name="course")
    assert "Rosbags" in results_of(console(Role.VIEWER), "course")
    Rosbag.objects.filter(pk=rosbag.pk).hide()
    assert "Rosbags" not in results_of(console(Role.VIEWER), "course")


def test_pages_by_name_in_both_languages(console: Console) -> None:
    assert results_of(console(Role.VIEWER), "heal") == {"Pages": ["Health"]}
    assert results_of(console(Role.VIEWER), "audit") == {}
    assert results_of(console(Role.ADMIN), "audit") == {"Pages": ["Audit"]}
    client = console(Role.VIEWER)
    for text in ("health", "상태"):
        answer = client.get("/admin/search/", {"q": text}, headers={"Accept-Language": "ko"})
        assert "/admin/system/health/" in answer.content.decode()


def test_more_are_in_the_list(console: Console, design: Design) -> None:
    for number in range(8):
        design(name=f"drive {number}")
    client = console(Role.VIEWER)
    answer = client.get("/admin/search/", {"q": "drive"})
    group = answer.context["groups"][0]
    assert (len(group.hits), bool(group.more)) == (6, True)
    assert client.get(group.more).context["cl"].result_count == 8


@pytest.mark.parametrize("text", ["%", "_", "\0", "'\"><b>", "ㅋ" * 400, " ", "\\"])
def test_odd_texts(console: Console, design: Design, text: str) -> None:
    design(name="drive")
    assert results_of(console(Role.ADMIN), text) == {}


def test_one_query_a_kind(
    console: Console, design: Design, rosbag: Rosbag, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        lifecycle.start(design(name=f"drive {number}"))
    client = console(Role.ADMIN)
    for text in ("drive", "drive #1", "1"):
        with django_assert_max_num_queries(8):
            assert results_of(client, text)


@pytest.mark.parametrize("max_ids", [0, filters.MAX_IDS])
def test_the_list_finds_names_and_numbers(
    max_ids: int, console: Console, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters, "MAX_IDS", max_ids)
    for name in ("rush hour", "Rush hour 2", "night"):
        ended_execution(design(name=name))
    client = console(Role.VIEWER)
    for text, count in {
        "rush hour #1": 2,
        "night 1": 1,
        "rush": 2,
        "#1": 3,
        "hour 2": 1,
        "day": 0,
    }.items():
        answer = client.get("/admin/simulations/execution/", {"q": text})
        assert (text, answer.context["cl"].result_count) == (text, count)

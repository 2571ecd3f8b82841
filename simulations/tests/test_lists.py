"""Lists: columns and filters that are kept for a person, chips, empty states, cards, bounded counts."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from accounts.models import User
from accounts.services import preferences
from simulations.services.runs import lifecycle
from simulations.tests.conftest import Console, Design

LIST = reverse("admin:simulations_execution_changelist")
KEEP = reverse("admin:preferences")
NAME = "simulations.execution"


@pytest.fixture
def viewer(console: Console) -> Client:
    return console(Role.VIEWER)


def columns(answer: Any) -> list[str]:
    return re.findall(r"column-(\w+)", answer.content.decode().split("</thead>")[0])


def test_chosen_columns_are_kept_and_unknown_ones_ignored(viewer: Client, design: Design) -> None:
    lifecycle.start(design())
    usual = columns(viewer.get(LIST))
    kept = {"list": NAME, "columns": ["id", "status_label", "gone"], "next": LIST}
    assert viewer.post(KEEP, kept).headers["Location"] == LIST
    assert columns(viewer.get(LIST)) == ["execution", "id", "status_label"]
    viewer.post(KEEP, {"list": NAME, "reset": "yes", "columns": ["id"], "next": LIST})
    assert columns(viewer.get(LIST)) == usual


def test_kept_filters_apply_to_the_list_without_query_only(viewer: Client, design: Design) -> None:
    lifecycle.start(design())
    filters = "status__exact=FAILED&q=night"
    viewer.post(KEEP, {"list": NAME, "filters": filters, "next": LIST})
    opened = viewer.get(LIST)
    assert opened.headers["Location"] == f"{LIST}?{filters}"
    text = viewer.get(opened.headers["Location"]).content.decode()
    assert "This list opens with these filters for you." in text
    assert "Nothing matches these filters." in text
    everything = viewer.get(f"{LIST}?p=1").content.decode()
    assert "Your kept filters are off." in everything
    assert "drive #1" in everything
    assert "?p=1" in text  # clears all, and does not open the kept filters again
    viewer.post(KEEP, {"list": NAME, "filters": "", "next": LIST})
    assert viewer.get(LIST).status_code == 200


def test_kept_filters_that_the_list_does_not_have_do_not_lock_it(console: Console) -> None:
    admin = console(Role.ADMIN)
    user = User.objects.get(role=Role.ADMIN)
    preferences.change_list(user, "accounts.user", filters="password__startswith=a&is_active=1")
    opened = admin.get(reverse("admin:accounts_user_changelist"))
    assert opened.headers["Location"].endswith("?is_active=1")


def test_a_list_leads_back_only_to_this_server(viewer: Client) -> None:
    form = {"list": NAME, "columns": ["id"], "next": "https://evil.example.org/"}
    assert viewer.post(KEEP, form).headers["Location"] == reverse("admin:index")


def test_what_narrows_a_list_is_said_and_can_be_removed(viewer: Client, design: Design) -> None:
    lifecycle.start(design())
    text = viewer.get(f"{LIST}?status__exact=PENDING&q=drive&p=1").content.decode()
    chips = re.findall(r'class="chip" href="([^"]*)".*?<span>(.*?)</span>', text)
    assert [(re.sub("<.*?>", "", said)) for _url, said in chips] == [
        "Status: pending",
        "Search: drive",
    ]
    assert "status" not in chips[0][0]


def test_an_empty_list_says_what_to_do_where_one_may(console: Console) -> None:
    page = reverse("admin:templates_template_changelist")
    assert "Add the first one" in console(Role.OPERATOR).get(page).content.decode()
    text = console(Role.VIEWER).get(page).content.decode()
    assert "A template says" in text
    assert "Add the first one" not in text


def test_cells_name_their_columns(viewer: Client, design: Design) -> None:
    lifecycle.start(design(name='a "quoted" <b>'))
    row = viewer.get(LIST).content.decode().split("<tbody")[1].split("</tbody>")[0]
    assert re.findall(r'data-label="([^"]*)"', row)[:2] == ["Execution", "Status"]
    assert "<b>" not in row


def test_a_bounded_count_says_that_there_may_be_more(
    viewer: Client, design: Design, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulation = design()
    simulation.concurrent_executions = True
    simulation.save()
    for _number in range(3):
        lifecycle.start(simulation)
    for module in ("common.admin.changelists", "common.templatetags.console"):
        monkeypatch.setattr(f"{module}.MAX_COUNT", 2)
    monkeypatch.setattr("common.admin.changelists.BoundedListMixin.list_per_page", 1)
    assert re.search(r"1.1 of 2\+", viewer.get(LIST).content.decode())

"""Preferences of a person: kept by the API and the console, applied to pages and not to the API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from accounts.models import User
from accounts.services import preferences
from accounts.tests.conftest import ME, bearer_client, sign_in

PAGE = "admin:preferences"
NOTHING = {"language": "", "zone": "", "theme": "", "lists": {}}
BAD = [
    {"zone": "Mars/Olympus"},
    {"zone": "../../etc/passwd"},
    {"language": "fr"},
    {"language": None},
    {"theme": "neon"},
    {"lists": []},
    {"lists": {"a.b": {"columns": "name"}}},
    {"lists": {"a.b": {"columns": ["x" * 101]}}},
    {"lists": {"a.b": {"rows": 3}}},
    {"lists": {"a.b": {"filters": "a\0b"}}},
    {"lists": {"": {}}},
    {"lists": {f"list {n}": {"filters": "a=b"} for n in range(101)}},
    {"colour": "red"},
    "dark",
]


@pytest.fixture
def viewer(people: dict[Role, User]) -> User:
    return people[Role.VIEWER]


@pytest.fixture
def browser(viewer: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(viewer)
    return client


def test_programs_change_some_and_read_all(viewer: User) -> None:
    client = bearer_client(sign_in(viewer.email)["access"])
    assert client.get(ME).json()["preferences"] == NOTHING
    kept = {"simulations.execution": {"columns": ["id"], "filters": "status__exact=failed"}}
    client.patch(ME, {"preferences": {"zone": "Asia/Seoul", "lists": kept}})
    client.patch(ME, {"preferences": {"lists": {"storage.rosbag": {"columns": ["name"]}}}})
    answer = client.patch(ME, {"preferences": {"lists": {"storage.rosbag": None}}})
    expected = {**NOTHING, "zone": "Asia/Seoul", "lists": kept}
    assert answer.json()["preferences"] == client.get(ME).json()["preferences"] == expected


@pytest.mark.parametrize("bad", BAD)
def test_bad_preferences_are_refused_and_change_nothing(viewer: User, bad: Any) -> None:
    client = bearer_client(sign_in(viewer.email)["access"])
    answer = client.patch(ME, {"preferences": bad})
    assert answer.status_code in {400, 422}
    assert answer.json()["errors"]
    viewer.refresh_from_db()
    assert viewer.preferences == {}


def test_what_is_no_longer_valid_is_as_if_it_were_not_chosen(viewer: User) -> None:
    viewer.preferences = {"zone": "Old/Zone", "language": 7, "lists": "none"}
    assert preferences.preferences_of(viewer) == NOTHING


def test_pages_follow_the_person_on_every_browser(browser: Client, viewer: User) -> None:
    form = {"language": "ko", "zone": "Asia/Seoul", "theme": "dark"}
    assert browser.post(reverse(PAGE), form).status_code == 302
    other = Client(headers={"accept-language": "en"})
    other.force_login(viewer)
    page = other.get(reverse(PAGE))
    assert page.headers["Content-Language"] == "ko"
    assert page.context["zone"] == "Asia/Seoul"


def test_the_zone_is_the_browsers_unless_the_person_has_one(browser: Client, viewer: User) -> None:
    browser.cookies["timezone"] = "Europe%2FBerlin"
    assert browser.get(reverse(PAGE)).context["zone"] == "Europe/Berlin"
    browser.cookies["timezone"] = "..%2Fetc"
    assert browser.get(reverse(PAGE)).context["zone"] == "UTC"
    preferences.change(viewer, {"zone": "Asia/Seoul"})
    browser.cookies["timezone"] = "Europe%2FBerlin"
    assert browser.get(reverse(PAGE)).context["zone"] == "Asia/Seoul"


def test_the_switch_of_the_language_is_remembered(browser: Client, viewer: User) -> None:
    switch = {"language": "ko", "next": reverse(PAGE)}
    assert browser.post(reverse("set_language"), switch).headers["Location"] == reverse(PAGE)
    browser.post(reverse("set_language"), {"language": "xx"})
    viewer.refresh_from_db()
    assert viewer.preferences["language"] == "ko"


def test_the_api_follows_the_header_and_not_the_person(viewer: User) -> None:
    preferences.change(viewer, {"language": "ko"})
    client = bearer_client(sign_in(viewer.email)["access"])
    english = client.patch(ME, {"role": "admin"}, headers={"accept-language": "en"})
    assert english.json()["errors"][0]["detail"].startswith("Only an admin")


def test_lists_are_forgotten_on_the_page(browser: Client, viewer: User) -> None:
    for name in ("accounts.user", "gone.model"):
        preferences.change_list(viewer, name, columns=["name"])
    assert "gone.model" in browser.get(reverse(PAGE)).content.decode()
    browser.post(reverse(PAGE), {"forget": ["gone.model"]})
    viewer.refresh_from_db()
    assert list(viewer.preferences["lists"]) == ["accounts.user"]

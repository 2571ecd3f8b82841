"""A session of the console ends when it was not used for a time; what pages poll is no use."""

import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.choices import Role
from accounts.middleware import USED_AT
from accounts.models import User
from accounts.tests.conftest import ME, PASSWORD

PAGE = "/admin/"
POLL = {"Sec-Fetch-Mode": "cors"}


@pytest.fixture
def client(people: dict[Role, User], settings: Any) -> Client:
    """A client that has signed in, half the idle time ago."""
    settings.SESSION_COOKIE_AGE = 1000
    client = Client()
    client.post("/admin/login/", {"username": "viewer@example.org", "password": PASSWORD})
    session = client.session
    session[USED_AT] = int(time.time()) - 500
    session.save()
    Session.objects.update(expire_date=timezone.now() + timedelta(seconds=500))
    return client


def end() -> datetime:
    return Session.objects.get().expire_date


def test_pages_and_changes_move_the_end(client: Client) -> None:
    before = end()
    assert client.get(PAGE, headers={"Sec-Fetch-Mode": "navigate"}).status_code == 200
    assert end() > before + timedelta(seconds=400)


def test_changes_over_the_api_move_the_end(client: Client) -> None:
    before = end()
    answer = client.patch(ME, {"name": "Kim"}, content_type="application/json")
    assert answer.status_code == 200
    assert end() > before + timedelta(seconds=400)


def test_polls_do_not_move_the_end(client: Client) -> None:
    before = end()
    assert client.get(ME).status_code == 200
    assert client.get(PAGE, headers=POLL).status_code == 200
    assert end() == before


def test_pages_in_a_row_write_once(client: Client) -> None:
    client.get(PAGE)
    after = end()
    client.get(PAGE)
    assert end() == after


def test_an_idle_session_has_ended(client: Client) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get(PAGE).status_code == 302
    assert client.get(ME).status_code == 401


def test_sign_in_leads_to_the_console(people: dict[Role, User]) -> None:
    form = {"username": "viewer@example.org", "password": PASSWORD}
    assert Client().post("/admin/login/", form)["Location"] == PAGE

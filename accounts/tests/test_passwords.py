"""One changes one's password, or gets a new one by mail; nobody learns who has an account."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.services import passwords, users
from accounts.tests.conftest import API, PASSWORD, REFRESH, SIGN_IN, bearer, signed_in

CHANGE = f"{API}/auth/password/change"
RESET = f"{API}/auth/password/reset"
CONFIRM = f"{API}/auth/password/reset/confirm"
VIEWER = "viewer@example.org"
NEW = "yet another long one"


@pytest.fixture(autouse=True)
def tasks_at_once(settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}


def mailed() -> dict[str, str]:
    """What the link of the one mail carries."""
    assert len(mail.outbox) == 1
    found = re.search(
        r"/password/reset/(?P<uid>[\w-]+)/(?P<token>[\w-]+)", str(mail.outbox[0].body)
    )
    assert found is not None
    return found.groupdict()


def test_a_changed_password_ends_all_sign_ins(people: dict[Role, User]) -> None:
    here, there = signed_in(VIEWER), signed_in(VIEWER)
    form = {"current_password": PASSWORD, "password": NEW}
    assert bearer(here["access"]).post(CHANGE, form).status_code == 204
    for held in (here, there):
        assert bearer(held["access"]).get(f"{API}/me").status_code == 401
        assert APIClient().post(REFRESH, {"refresh": held["refresh"]}).status_code == 401
    assert signed_in(VIEWER, NEW)["email"] == VIEWER


def test_the_current_password_is_asked_for(people: dict[Role, User]) -> None:
    client = bearer(signed_in(VIEWER)["access"])
    answer = client.post(CHANGE, {"current_password": "wrong", "password": NEW})
    assert (answer.status_code, answer.json()["code"]) == (403, "PASSWORD_WRONG")
    weak = client.post(CHANGE, {"current_password": PASSWORD, "password": "short"})
    assert weak.status_code == 400
    assert signed_in(VIEWER)["email"] == VIEWER


def test_guessing_the_current_password_locks(people: dict[Role, User], settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    client = bearer(signed_in(VIEWER)["access"])
    form = {"current_password": "wrong", "password": NEW}
    assert [client.post(CHANGE, form).status_code for _try in range(3)] == [403, 429, 429]
    assert client.post(CHANGE, {**form, "current_password": PASSWORD}).status_code == 429


@pytest.mark.django_db(transaction=True)
def test_the_mail_leads_to_a_new_password(people: dict[Role, User]) -> None:
    held = signed_in(VIEWER)
    assert APIClient().post(RESET, {"email": "Viewer@example.ORG"}).status_code == 204
    assert mail.outbox[0].to == [VIEWER]
    form = {**mailed(), "password": NEW}
    assert APIClient().post(CONFIRM, {**form, "password": "short"}).status_code == 400
    assert APIClient().post(CONFIRM, form).status_code == 204
    assert APIClient().post(REFRESH, {"refresh": held["refresh"]}).status_code == 401
    assert signed_in(VIEWER, NEW)["email"] == VIEWER
    again = APIClient().post(CONFIRM, {**form, "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (400, "RESET_REFUSED")


@pytest.mark.django_db(transaction=True)
def test_the_answer_is_the_same_for_anybody(people: dict[Role, User]) -> None:
    User.objects.filter(email="operator@example.org").update(is_active=False)
    addresses = [VIEWER, VIEWER, "nobody@example.org", "operator@example.org"]
    answers = [APIClient().post(RESET, {"email": address}) for address in addresses]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    assert [message.to for message in mail.outbox] == [[VIEWER]]  # and only one a minute


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": "x"},
        {"uid": "x"},
        {"uid": "MQ"},
        {"uid": "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5"},
        {"uid": "é"},
    ],
    ids=str,
)
def test_a_wrong_link_is_refused(people: dict[Role, User], wrong: dict[str, str]) -> None:
    passwords.send_reset(VIEWER)
    answer = APIClient().post(CONFIRM, {**mailed(), "password": NEW, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "RESET_REFUSED")


def test_a_link_ends_with_the_password_it_was_for(people: dict[Role, User]) -> None:
    passwords.send_reset(VIEWER)
    users.change(people[Role.VIEWER], {"password": "something else entirely"})
    assert APIClient().post(CONFIRM, {**mailed(), "password": NEW}).status_code == 400


def test_a_reset_opens_a_lock(people: dict[Role, User], settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    assert APIClient().post(SIGN_IN, {"email": VIEWER, "password": "x"}).status_code == 429
    passwords.send_reset(VIEWER)
    assert APIClient().post(CONFIRM, {**mailed(), "password": NEW}).status_code == 204
    assert signed_in(VIEWER, NEW)["email"] == VIEWER


def test_who_was_given_no_password_chooses_one(people: dict[Role, User]) -> None:
    users.create(email="kim@example.org")
    passwords.send_reset("kim@example.org")
    assert APIClient().post(CONFIRM, {**mailed(), "password": NEW}).status_code == 204
    assert signed_in("kim@example.org", NEW)["role"] == "viewer"


def test_people_without_a_front_end_use_the_page(people: dict[Role, User]) -> None:
    held = signed_in(VIEWER)
    passwords.send_reset(VIEWER)
    found = mailed()
    client = Client()
    page = client.get(f"/password/reset/{found['uid']}/{found['token']}", follow=True)
    assert page.status_code == 200
    where = page.redirect_chain[-1][0]
    weak = client.post(where, {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200
    done = client.post(where, {"new_password1": NEW, "new_password2": NEW})
    assert (done.status_code, done["Location"]) == (302, reverse("admin:login"))
    assert APIClient().post(REFRESH, {"refresh": held["refresh"]}).status_code == 401
    assert signed_in(VIEWER, NEW)["email"] == VIEWER

"""Password change and reset; no response reveals who has an account."""

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.services import passwords, users
from accounts.tasks import send_reset
from accounts.tests.conftest import API, PASSWORD, REFRESH, SIGN_IN, bearer_client, sign_in

CHANGE = f"{API}/auth/password/change"
RESET = f"{API}/auth/password/reset"
CONFIRM = f"{API}/auth/password/reset/confirm"
VIEWER = "viewer@example.org"
NEW = "yet another long one"


@pytest.fixture(autouse=True)
def run_tasks_immediately(settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}


def link_values() -> dict[str, str]:
    """Return uid and token of the link in the one mail."""
    assert len(mail.outbox) == 1
    match = re.search(
        r"/password/reset/(?P<uid>[\w-]+)/(?P<token>[\w-]+)", str(mail.outbox[0].body)
    )
    assert match is not None
    return match.groupdict()


def test_a_changed_password_ends_all_sign_ins(people: dict[Role, User]) -> None:
    here, there = sign_in(VIEWER), sign_in(VIEWER)
    form = {"current_password": PASSWORD, "password": NEW}
    assert bearer_client(here["access"]).post(CHANGE, form).status_code == 204
    for tokens in (here, there):
        assert bearer_client(tokens["access"]).get(f"{API}/me").status_code == 401
        assert APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert sign_in(VIEWER, NEW)["email"] == VIEWER


def test_password_change_needs_the_current_password(people: dict[Role, User]) -> None:
    client = bearer_client(sign_in(VIEWER)["access"])
    answer = client.post(CHANGE, {"current_password": "wrong", "password": NEW})
    assert (answer.status_code, answer.json()["code"]) == (403, "PASSWORD_WRONG")
    weak = client.post(CHANGE, {"current_password": PASSWORD, "password": "short"})
    assert weak.status_code == 400
    assert sign_in(VIEWER)["email"] == VIEWER


def test_wrong_current_passwords_lock_the_account(people: dict[Role, User], settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    client = bearer_client(sign_in(VIEWER)["access"])
    form = {"current_password": "wrong", "password": NEW}
    assert [client.post(CHANGE, form).status_code for _try in range(3)] == [403, 429, 429]
    assert client.post(CHANGE, {**form, "current_password": PASSWORD}).status_code == 429


def test_passwords_have_twelve_characters(people: dict[Role, User]) -> None:
    eleven, twelve = "kq7-wv2-zp9", "kq7-wv2-zp9x"
    client = bearer_client(sign_in(VIEWER)["access"])
    form = {"current_password": PASSWORD, "password": eleven}
    assert "12" in client.post(CHANGE, form).json()["errors"][0]["detail"]
    assert client.post(CHANGE, {**form, "password": twelve}).status_code == 204
    console = Client()
    console.force_login(people[Role.ADMIN])
    page = f"/admin/accounts/user/{people[Role.OPERATOR].pk}/password/"
    for password, status in ((eleven, 200), (twelve, 302)):
        fields = {"password1": password, "password2": password, "usable_password": "true"}
        assert console.post(page, fields).status_code == status


@pytest.mark.django_db(transaction=True)
def test_reset_link_sets_a_new_password(people: dict[Role, User]) -> None:
    tokens = sign_in(VIEWER)
    assert APIClient().post(RESET, {"email": "Viewer@example.ORG"}).status_code == 204
    assert mail.outbox[0].to == [VIEWER]
    form = {**link_values(), "password": NEW}
    assert APIClient().post(CONFIRM, {**form, "password": "short"}).status_code == 400
    assert APIClient().post(CONFIRM, form).status_code == 204
    assert APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert sign_in(VIEWER, NEW)["email"] == VIEWER
    again = APIClient().post(CONFIRM, {**form, "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (400, "RESET_REFUSED")


@pytest.mark.django_db(transaction=True)
def test_response_does_not_reveal_accounts(people: dict[Role, User]) -> None:
    User.objects.filter(email="operator@example.org").update(is_active=False)
    addresses = [VIEWER, VIEWER, "nobody@example.org", "operator@example.org"]
    answers = [APIClient().post(RESET, {"email": address}) for address in addresses]
    assert {(answer.status_code, answer.content) for answer in answers} == {(204, b"")}
    assert [message.to for message in mail.outbox] == [[VIEWER]]  # and only one a minute


@pytest.mark.django_db(transaction=True)
def test_the_queue_holds_no_address(people: dict[Role, User], settings: Any) -> None:
    settings.TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
    for address in (VIEWER, "nobody@example.org"):
        assert APIClient().post(RESET, {"email": address}).status_code == 204
    queued = [row.args_kwargs["args"] for row in DBTaskResult.objects.order_by("enqueued_at")]
    assert queued == [[people[Role.VIEWER].pk], [None]]


def test_a_reset_that_an_older_version_queued_is_mailed(people: dict[Role, User]) -> None:
    for address in ("nobody@example.org", "Viewer@example.org"):
        assert send_reset.enqueue(address).return_value is None
    assert [message.to for message in mail.outbox] == [[VIEWER]]


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
def test_invalid_link_is_refused(people: dict[Role, User], wrong: dict[str, str]) -> None:
    passwords.send_reset(people[Role.VIEWER].pk)
    answer = APIClient().post(CONFIRM, {**link_values(), "password": NEW, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "RESET_REFUSED")


def test_link_is_invalid_after_a_password_change(people: dict[Role, User]) -> None:
    passwords.send_reset(people[Role.VIEWER].pk)
    users.change(people[Role.VIEWER], {"password": "something else entirely"})
    assert APIClient().post(CONFIRM, {**link_values(), "password": NEW}).status_code == 400


def test_reset_unlocks_the_account(people: dict[Role, User], settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 1
    assert APIClient().post(SIGN_IN, {"email": VIEWER, "password": "x"}).status_code == 429
    passwords.send_reset(people[Role.VIEWER].pk)
    assert APIClient().post(CONFIRM, {**link_values(), "password": NEW}).status_code == 204
    assert sign_in(VIEWER, NEW)["email"] == VIEWER


def test_reset_works_without_a_password(people: dict[Role, User]) -> None:
    user = users.new_account(email="kim@example.org")
    users.insert(user)
    passwords.send_reset(user.pk)
    assert APIClient().post(CONFIRM, {**link_values(), "password": NEW}).status_code == 204
    assert sign_in("kim@example.org", NEW)["role"] == "viewer"


def test_reset_page(people: dict[Role, User]) -> None:
    tokens = sign_in(VIEWER)
    passwords.send_reset(people[Role.VIEWER].pk)
    values = link_values()
    client = Client()
    page = client.get(f"/password/reset/{values['uid']}/{values['token']}", follow=True)
    assert page.status_code == 200
    url = page.redirect_chain[-1][0]
    weak = client.post(url, {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200
    done = client.post(url, {"new_password1": NEW, "new_password2": NEW})
    assert (done.status_code, done["Location"]) == (302, reverse("admin:login"))
    assert APIClient().post(REFRESH, {"refresh": tokens["refresh"]}).status_code == 401
    assert sign_in(VIEWER, NEW)["email"] == VIEWER

"""The lock after wrong passwords, in the API and in the console."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from auditlog.models import LogEntry
from axes.models import AccessAttempt
from django.test import AsyncClient, Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.services.callers import client_address, client_network
from accounts.tests.conftest import PASSWORD, SIGN_IN, sign_in

VIEWER = "viewer@example.org"
PAGE = "/admin/login/"


@pytest.fixture(autouse=True)
def three_tries(settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 3


def tried(password: str = "wrong", email: str = VIEWER, **meta: Any) -> Any:  # noqa: S107
    return APIClient().post(SIGN_IN, {"email": email, "password": password}, **meta)


def at_console(password: str = "wrong", email: str = VIEWER) -> Any:  # noqa: S107
    return Client().post(PAGE, {"username": email, "password": password})


def test_right_password_is_refused_while_locked(people: dict[Role, User]) -> None:
    assert [tried().status_code for _try in range(4)] == [401, 401, 429, 429]
    answer = tried(PASSWORD)
    assert (answer.status_code, answer.json()["code"]) == (429, "SIGN_IN_LOCKED")
    assert answer["Content-Type"] == "application/problem+json"
    assert 0 < int(answer["Retry-After"]) <= 15 * 60


def test_spelling_of_the_address_does_not_matter(people: dict[Role, User]) -> None:
    for email in ("Viewer@example.org", " viewer@EXAMPLE.org", VIEWER):
        tried(email=email)
    assert tried(PASSWORD).status_code == 429


def test_the_console_and_the_api_count_together(people: dict[Role, User]) -> None:
    tried()
    tried()
    page = at_console()
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 0
    assert "Too many wrong passwords" in page.content.decode()
    assert at_console(PASSWORD).status_code == 429
    assert tried(PASSWORD).status_code == 429


def test_wrong_old_passwords_lock_too(people: dict[Role, User]) -> None:
    client = Client()
    client.force_login(people[Role.VIEWER])
    page, new = "/admin/password_change/", "something else entirely"
    form = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    assert [client.post(page, form).status_code for _try in range(3)] == [200, 200, 429]
    refused = client.post(page, {**form, "old_password": PASSWORD})
    assert (refused.status_code, 0 < int(refused["Retry-After"]) <= 15 * 60) == (429, True)
    assert tried(PASSWORD).status_code == 429
    AccessAttempt.objects.all().delete()
    assert client.post(page, {**form, "old_password": PASSWORD}).status_code == 302
    assert client.get("/admin/").status_code == 200  # this session goes on
    assert tried(new).status_code == 200


def test_the_console_locks_under_asgi_too(people: dict[Role, User]) -> None:
    client = AsyncClient()
    post = async_to_sync(client.post)
    form = {"username": VIEWER, "password": "wrong"}
    assert [post(PAGE, form).status_code for _try in range(4)] == [200, 200, 429, 429]
    body = {"email": VIEWER, "password": PASSWORD}
    answer = post(SIGN_IN, body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (429, "SIGN_IN_LOCKED")


def test_other_accounts_and_addresses_are_not_locked(people: dict[Role, User]) -> None:
    for _try in range(3):
        tried()
    assert tried(PASSWORD, email="operator@example.org").status_code == 200
    assert tried(PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 200


def test_an_unknown_account_is_locked_the_same_way(people: dict[Role, User]) -> None:
    codes = [tried(email="nobody@example.org").status_code for _try in range(4)]
    assert codes == [401, 401, 429, 429]


def test_success_resets_the_count(people: dict[Role, User]) -> None:
    for _round in range(3):
        assert [tried().status_code for _try in range(2)] == [401, 401]
        assert tried(PASSWORD).status_code == 200


def test_lock_expires(people: dict[Role, User], settings: Any) -> None:
    for _try in range(3):
        tried()
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    assert tried(PASSWORD).status_code == 200


def test_attempts_while_locked_do_not_extend_the_lock(people: dict[Role, User]) -> None:
    for _try in range(3):
        tried()
    before = AccessAttempt.objects.get().attempt_time
    assert tried().status_code == 429
    assert AccessAttempt.objects.get().attempt_time == before


def test_an_admin_unlocks(people: dict[Role, User]) -> None:
    for _try in range(3):
        tried()
    client = Client()
    client.force_login(people[Role.ADMIN])
    viewer = people[Role.VIEWER]
    page = reverse("admin:accounts_user_change", args=[viewer.pk])
    unlock = reverse("admin:accounts_user_act", args=[viewer.pk, "unlock"])
    assert "locked" in client.get(reverse("admin:accounts_user_changelist")).content.decode()
    text = client.get(page).content.decode()
    assert "Locked after too many wrong passwords" in text
    assert unlock in text
    client.post(unlock)
    assert unlock not in client.get(page).content.decode()
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.actor) == (105, people[Role.ADMIN])
    assert sign_in(VIEWER)["role"] == "viewer"


def test_attempted_passwords_are_not_stored(people: dict[Role, User]) -> None:
    tried("a secret word")
    at_console("a secret word")
    rows = list(AccessAttempt.objects.values())
    assert rows
    assert "secret" not in str(rows)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "198.51.100.1", "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "198.51.100.1"),
        (1, "2001:db8::1", "2001:db8::1"),
        (1, "nonsense", None),
    ],
)
def test_the_address_behind_proxies(
    settings: Any, proxies: int, forwarded: str, expected: str | None
) -> None:
    settings.TRUSTED_PROXIES = proxies
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = RequestFactory(REMOTE_ADDR="192.0.2.1").get("/", headers=headers)
    assert client_address(request) == expected


def test_forged_forwarded_address_does_not_evade_the_lock(people: dict[Role, User]) -> None:
    codes = [tried(HTTP_X_FORWARDED_FOR=f"198.51.100.{n}").status_code for n in range(4)]
    assert codes == [401, 401, 429, 429]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("", None),
    ],
)
def test_ipv6_addresses_are_counted_by_network(address: str, expected: str | None) -> None:
    assert client_network(RequestFactory().get("/", REMOTE_ADDR=address)) == expected

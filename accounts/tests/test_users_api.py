"""Accounts in the API: managed by admins only; one admin always remains."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.exceptions import LastAdminError
from accounts.models import User
from accounts.services import users
from accounts.tests.conftest import API, ME, PASSWORD, run_in_parallel, sign_in

USERS = f"{API}/users"
Clients = Callable[[Role], APIClient]


def user_url(user: User) -> str:
    return f"{USERS}/{user.pk}"


def test_admin_creates_accounts(client_of: Clients) -> None:
    form = {"email": "Kim@Example.org", "name": "Kim", "role": "operator", "password": PASSWORD}
    answer = client_of(Role.ADMIN).post(USERS, form)
    assert answer.status_code == 201
    assert client_of(Role.ADMIN).get(answer["Location"]).json() == answer.json()
    assert "password" not in answer.json()
    assert sign_in("kim@example.org")["role"] == "operator"
    again = client_of(Role.ADMIN).post(USERS, form)
    assert (again.status_code, again.json()["code"]) == (409, "EMAIL_TAKEN")


def test_create_is_idempotent(client_of: Clients) -> None:
    headers = {"Idempotency-Key": "k"}
    form = {"email": "kim@example.org", "password": PASSWORD}
    answers = [client_of(Role.ADMIN).post(USERS, form, headers=headers) for _click in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_account_without_password_has_no_usable_one(client_of: Clients) -> None:
    assert client_of(Role.ADMIN).post(USERS, {"email": "kim@example.org"}).status_code == 201
    assert not User.objects.get(email="kim@example.org").has_usable_password()


def test_lists_are_filtered_searched_and_ordered(
    people: dict[Role, User], client_of: Clients
) -> None:
    users.change(people[Role.VIEWER], {"is_active": False, "name": "Kim"})

    def roles(**query: str) -> list[str]:
        answer = client_of(Role.ADMIN).get(USERS, query)
        return [row["role"] for row in answer.json()["results"]]

    assert roles(role="admin") == ["admin"]
    assert roles(is_active="false") == ["viewer"]
    assert roles(search="kim") == ["viewer"]
    assert roles(search="OPERATOR@") == ["operator"]
    assert roles(ordering="email") == ["admin", "operator", "viewer"]
    assert roles(ordering="-email") == ["viewer", "operator", "admin"]
    assert client_of(Role.ADMIN).get(USERS, {"role": "king"}).status_code == 400


def test_admin_changes_accounts(people: dict[Role, User], client_of: Clients) -> None:
    viewer = people[Role.VIEWER]
    tokens = sign_in(viewer.email)
    form = {"role": "operator", "name": "Kim", "email": "NEW@example.org"}
    answer = client_of(Role.ADMIN).patch(user_url(viewer), form)
    assert answer.status_code == 200
    assert (answer.json()["email"], answer.json()["role"]) == ("new@example.org", "operator")
    refreshed = APIClient().post(f"{API}/auth/refresh", {"refresh": tokens["refresh"]})
    assert refreshed.json()["role"] == "operator"
    conflict = client_of(Role.ADMIN).patch(user_url(viewer), {"email": "admin@example.org"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "EMAIL_TAKEN")


def test_users_cannot_raise_their_role(people: dict[Role, User], client_of: Clients) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        client = client_of(role)
        answers = [
            client.patch(ME, {"role": "admin"}),
            client.patch(user_url(people[role]), {"role": "admin"}),
            client.post(USERS, {"email": "x@example.org", "role": "admin", "password": PASSWORD}),
        ]
        assert [answer.status_code for answer in answers] == [400, 403, 403]
        assert answers[0].json()["errors"][0]["pointer"] == "/role"
    assert User.objects.admins().count() == 1


def test_only_the_own_name_can_be_changed(people: dict[Role, User], client_of: Clients) -> None:
    client = client_of(Role.VIEWER)
    assert client.patch(ME, {"name": "Kim"}).json()["name"] == "Kim"
    for field in ("email", "is_active", "generation", "password"):
        answer = client.patch(ME, {field: "x"})
        assert answer.status_code == 400
        assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]


@pytest.mark.parametrize("values", [{"role": "viewer"}, {"is_active": False}], ids=str)
def test_last_admin_cannot_be_changed_or_deleted(
    people: dict[Role, User], client_of: Clients, values: dict[str, Any]
) -> None:
    admin = people[Role.ADMIN]
    answer = client_of(Role.ADMIN).patch(user_url(admin), values)
    assert (answer.status_code, answer.json()["code"]) == (409, "LAST_ADMIN")
    assert client_of(Role.ADMIN).delete(user_url(admin)).json()["code"] == "LAST_ADMIN"
    assert User.objects.admins().get() == admin
    users.change(people[Role.VIEWER], {"role": Role.ADMIN})
    assert client_of(Role.ADMIN).patch(user_url(admin), values).status_code == 200


def test_parallel_resignations_leave_one_admin(transactional_db: None) -> None:
    admins = [
        User.objects.create_user(f"{number}@example.org", role=Role.ADMIN) for number in range(4)
    ]

    def give_up(number: int) -> None:
        users.change(admins[number], {"role": Role.VIEWER})

    answers = run_in_parallel(4, give_up)
    assert [type(answer) for answer in answers].count(LastAdminError) == 1
    assert User.objects.admins().count() == 1


def test_last_admin_is_protected_in_the_console(people: dict[Role, User]) -> None:
    admin = people[Role.ADMIN]
    client = APIClient()
    client.force_login(admin)
    page = reverse("admin:accounts_user_change", args=[admin.pk])
    form = {"email": admin.email, "name": "", "role": "viewer", "is_active": "on"}
    answer = client.post(page, form, format="multipart")
    assert answer.status_code == 200
    assert "last active admin" in answer.content.decode()
    answer = client.post(
        reverse("admin:accounts_user_delete", args=[admin.pk]), {"post": "yes"}, format="multipart"
    )
    assert answer.status_code in {200, 403}
    assert User.objects.admins().get() == admin


def test_unreferenced_account_is_deleted(people: dict[Role, User], client_of: Clients) -> None:
    assert client_of(Role.ADMIN).delete(user_url(people[Role.VIEWER])).status_code == 204
    assert client_of(Role.ADMIN).get(user_url(people[Role.VIEWER])).status_code == 404


def test_referenced_account_is_refused_and_can_be_deactivated(
    people: dict[Role, User], client_of: Clients
) -> None:
    operator = people[Role.OPERATOR]
    apps.get_model("storage", "Rosbag").objects.create(name="drive", created_by=operator)
    answer = client_of(Role.ADMIN).delete(user_url(operator))
    assert (answer.status_code, answer.json()["code"]) == (409, "USER_IN_USE")
    assert "is_active" in answer.json()["detail"]
    assert client_of(Role.ADMIN).patch(user_url(operator), {"is_active": False}).status_code == 200


def test_roles_list_their_permissions(client_of: Clients) -> None:
    rows = {row["role"]: row for row in client_of(Role.VIEWER).get(f"{API}/roles").json()}
    assert list(rows) == ["admin", "operator", "viewer"]
    may = {role: {(g["address"], g["method"]) for g in row["grants"]} for role, row in rows.items()}
    assert may["viewer"] < may["operator"] < may["admin"]
    assert ("user-list", "POST") in may["admin"] - may["operator"]
    assert rows["viewer"]["sign_up"] is True


def test_setting_a_password_in_the_console_ends_sign_ins(people: dict[Role, User]) -> None:
    viewer = people[Role.VIEWER]
    tokens = sign_in(viewer.email)
    client = APIClient()
    client.force_login(people[Role.ADMIN])
    page = reverse("admin:auth_user_password_change", args=[viewer.pk])
    form = {
        "usable_password": "true",
        "password1": "brand new words",
        "password2": "brand new words",
    }
    assert client.post(page, form, format="multipart").status_code == 302
    answer = APIClient().post(f"{API}/auth/refresh", {"refresh": tokens["refresh"]})
    assert answer.status_code == 401
    assert sign_in(viewer.email, "brand new words")["role"] == "viewer"

"""The console: open to every active role, accounts are changed by admins only."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.choices import Role
from accounts.models import IdempotencyKey, User
from accounts.tests.conftest import PASSWORD


def console(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_sign_in_ignores_case_of_the_address(people: dict[Role, User]) -> None:
    client = Client()
    form = {"username": "Viewer@Example.org", "password": PASSWORD}
    answer = client.post(reverse("admin:login"), {**form, "next": reverse("admin:index")})
    assert answer.status_code == 302
    assert client.get(reverse("admin:index")).status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_view(people: dict[Role, User], role: Role) -> None:
    client = console(people[role])
    for page in ("admin:index", "admin:accounts_user_changelist"):
        assert client.get(reverse(page)).status_code == 200


def test_only_admins_grant_roles(people: dict[Role, User]) -> None:
    viewer = people[Role.VIEWER]
    page = reverse("admin:accounts_user_change", args=[viewer.pk])
    form = {"email": viewer.email, "name": "Kim", "role": "operator", "is_active": "on"}
    codes = {role: console(people[role]).post(page, form).status_code for role in Role}
    assert codes == {Role.VIEWER: 403, Role.OPERATOR: 403, Role.ADMIN: 302}
    viewer.refresh_from_db()
    assert (viewer.role, viewer.name) == (Role.OPERATOR, "Kim")


def test_only_admins_add_accounts(people: dict[Role, User]) -> None:
    page = reverse("admin:accounts_user_add")
    form = {
        "email": "New@Example.org",
        "role": "viewer",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert console(people[Role.OPERATOR]).post(page, form).status_code == 403
    answer = console(people[Role.ADMIN]).post(page, form)
    assert answer.status_code == 302
    assert User.objects.get(email="new@example.org").check_password(PASSWORD)


def test_only_admins_see_password_hashes(people: dict[Role, User]) -> None:
    admin = people[Role.ADMIN]
    page = reverse("admin:accounts_user_change", args=[admin.pk])
    text = console(people[Role.VIEWER]).get(page).content.decode()
    assert admin.email in text
    assert admin.password not in text
    assert "pbkdf2" not in text


def test_idempotency_keys_are_read_only_and_for_admins(people: dict[Role, User]) -> None:
    row = IdempotencyKey.objects.create(
        user=people[Role.OPERATOR],
        key="k",
        route="POST /",
        body_hash="0" * 64,
        lease_until="2030-01-01T00:00:00Z",
    )
    page = reverse("admin:accounts_idempotencykey_change", args=[row.pk])
    assert console(people[Role.OPERATOR]).get(page).status_code == 403
    assert console(people[Role.ADMIN]).get(page).status_code == 200
    assert console(people[Role.ADMIN]).post(page, {"key": "x"}).status_code == 403
    add = reverse("admin:accounts_idempotencykey_add")
    assert console(people[Role.ADMIN]).get(add).status_code == 403


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.VIEWER, {"view"}),
        (Role.OPERATOR, {"view", "add", "change", "delete"}),
        (Role.ADMIN, {"view", "add", "change", "delete"}),
    ],
)
def test_permissions_follow_the_role(
    people: dict[Role, User], role: Role, rights: set[str]
) -> None:
    user = people[role]
    verbs = ["view", "add", "change", "delete"]
    assert {verb for verb in verbs if user.has_perm(f"storage.{verb}_rosbag")} == rights
    may_change_accounts = user.has_perms(["accounts.view_user", "accounts.change_user"])
    assert may_change_accounts == (role == Role.ADMIN)
    user.is_active = False
    assert not any(user.has_perm(f"storage.{verb}_rosbag") for verb in verbs)

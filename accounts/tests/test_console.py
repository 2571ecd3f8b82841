"""The console: open to every active role, accounts are changed by the services."""

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from accounts.services import api_tokens
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


def test_admins_grant_roles(people: dict[Role, User]) -> None:
    viewer = people[Role.VIEWER]
    page = reverse("admin:accounts_user_change", args=[viewer.pk])
    form = {"email": viewer.email, "name": "Kim", "role": "operator", "is_active": "on"}
    assert console(people[Role.ADMIN]).post(page, form).status_code == 302
    viewer.refresh_from_db()
    assert (viewer.role, viewer.name) == (Role.OPERATOR, "Kim")


def test_admins_add_accounts(people: dict[Role, User]) -> None:
    page = reverse("admin:accounts_user_add")
    form = {
        "email": "New@Example.org",
        "role": "viewer",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    answer = console(people[Role.ADMIN]).post(page, form)
    assert answer.status_code == 302
    assert User.objects.get(email="new@example.org").check_password(PASSWORD)


def test_admins_delete_accounts_with_what_belongs_to_them(people: dict[Role, User]) -> None:
    """Tokens and keys have no right to be deleted; the account has, as in the API."""
    viewer = people[Role.VIEWER]
    api_tokens.create(viewer, name="robot", scopes=["read"])
    viewer.idempotency_keys.create(key="1", route="/", body_hash="", lease_until=timezone.now())
    admin = console(people[Role.ADMIN])
    page = reverse("admin:accounts_user_delete", args=[viewer.pk])
    assert admin.get(page).context["perms_lacking"] == set()
    assert admin.post(page, {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=viewer.pk).exists()

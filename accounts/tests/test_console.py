"""The console: open to every active role, accounts are changed by the services."""

from auditlog.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.choices import ROLE_RIGHTS, Role
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


def test_people_are_shown_with_rights_and_signed_out(people: dict[Role, User]) -> None:
    viewer = people[Role.VIEWER]
    admin = console(people[Role.ADMIN])
    page = admin.get(reverse("admin:accounts_user_change", args=[viewer.pk])).content.decode()
    for role in Role:
        assert str(ROLE_RIGHTS[role]) in page
    other = console(viewer)
    assert other.get(reverse("admin:index")).status_code == 200
    admin.post(reverse("admin:accounts_user_act", args=[viewer.pk, "sign_out"]))
    assert other.get(reverse("admin:index")).status_code == 302
    entry = LogEntry.objects.latest("pk")
    assert (entry.action, entry.object_repr) == (104, viewer.email)


def test_a_list_asks_before_people_are_signed_out(people: dict[Role, User]) -> None:
    viewer, admin = people[Role.VIEWER], console(people[Role.ADMIN])
    other = console(viewer)
    chosen = {"action": "sign_out", "_selected_action": [viewer.pk]}
    page = admin.post(reverse("admin:accounts_user_changelist"), chosen).content.decode()
    assert "signed out at once" in page
    assert viewer.email in page
    assert other.get(reverse("admin:index")).status_code == 200
    admin.post(reverse("admin:accounts_user_changelist"), {**chosen, "post": "yes"})
    assert other.get(reverse("admin:index")).status_code == 302


def test_tokens_are_revoked_on_their_page(people: dict[Role, User]) -> None:
    row, _secret = api_tokens.create(people[Role.VIEWER], name="robot", scopes=["read"])
    admin = console(people[Role.ADMIN])
    page = admin.get(reverse("admin:accounts_apitoken_change", args=[row.pk])).content.decode()
    revoke = reverse("admin:accounts_apitoken_act", args=[row.pk, "revoke"])
    assert revoke in page
    assert "read everything" in page
    assert "Programs that use these tokens" in admin.post(revoke).content.decode()
    admin.post(revoke, {"post": "yes"})
    row.refresh_from_db()
    assert row.revoked_at is not None


def test_people_are_counted_in_a_constant_number_of_queries(people: dict[Role, User]) -> None:
    admin = console(people[Role.ADMIN])
    page = reverse("admin:accounts_user_changelist")
    admin.get(page)
    with CaptureQueriesContext(connection) as few:
        admin.get(page)
    for number in range(30):
        User.objects.create_user(f"p{number}@example.org")
    with CaptureQueriesContext(connection) as many:
        admin.get(page)
    assert len(many) == len(few)

"""Who changed what is noted, with the one who did it, and only admins look."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from auditlog.models import LogEntry
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role, Scope
from accounts.models import ApiToken, User
from accounts.services import api_tokens, users
from accounts.tests.conftest import API, ME, bearer, signed_in

AUDIT = f"{API}/audit"
VIEWER = "viewer@example.org"
Clients = Callable[[Role], APIClient]


def newest(client: APIClient, **query: Any) -> dict[str, Any]:
    answer = client.get(AUDIT, query)
    assert answer.status_code == 200, answer.content
    return dict(answer.json()["results"][0])


def test_a_bearer_is_named(people: dict[Role, User], client_of: Clients) -> None:
    held = signed_in(VIEWER)
    bearer(held["access"]).patch(ME, {"name": "Kim"})
    entry = newest(client_of(Role.ADMIN))
    assert (entry["action"], entry["object_type"]) == ("update", "accounts.user")
    assert entry["object_id"] == str(people[Role.VIEWER].pk)
    assert entry["changes"] == {"name": ["", "Kim"]}
    assert (entry["actor"], entry["actor_email"]) == (people[Role.VIEWER].pk, VIEWER)
    assert (entry["address"], entry["token"]) == ("127.0.0.1", None)


def test_a_bearer_is_named_under_asgi_too(people: dict[Role, User], client_of: Clients) -> None:
    token = signed_in(VIEWER)["access"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"name": "Kim"}
    client = AsyncClient()
    call = async_to_sync(client.patch)
    answer = call(ME, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    entry = newest(client_of(Role.ADMIN))
    assert (entry["changes"], entry["actor_email"]) == ({"name": ["", "Kim"]}, VIEWER)


def test_a_program_and_its_token_are_named(people: dict[Role, User], client_of: Clients) -> None:
    row, secret = api_tokens.create(people[Role.ADMIN], name="CI", scopes=[Scope.ADMIN])
    bearer(secret).patch(f"{API}/users/{people[Role.VIEWER].pk}", {"role": "operator"})
    entry = newest(client_of(Role.ADMIN))
    assert entry["changes"] == {"role": ["viewer", "operator"]}
    assert (entry["actor_email"], entry["token"]) == ("admin@example.org", row.pk)


def test_the_console_is_named(people: dict[Role, User], client_of: Clients) -> None:
    client = Client()
    client.force_login(people[Role.ADMIN])
    page = reverse("admin:accounts_user_change", args=[people[Role.VIEWER].pk])
    client.post(page, {"email": VIEWER, "name": "Kim", "role": "viewer", "is_active": "on"})
    entry = newest(client_of(Role.ADMIN))
    assert (entry["actor_email"], entry["changes"]) == ("admin@example.org", {"name": ["", "Kim"]})


def test_without_a_request_nobody_is_named(people: dict[Role, User], client_of: Clients) -> None:
    signed_in(VIEWER)
    users.change(people[Role.VIEWER], {"name": "Kim"})
    entry = newest(client_of(Role.ADMIN))
    assert (entry["actor"], entry["actor_email"], entry["address"]) == (None, None, None)


def test_secrets_stay_out(people: dict[Role, User]) -> None:
    before = LogEntry.objects.count()
    signed_in(VIEWER)  # sets last_login
    assert LogEntry.objects.count() == before
    users.change(people[Role.VIEWER], {"password": "another long password"})
    row, secret = api_tokens.create(people[Role.VIEWER], name="CI", scopes=[Scope.READ])
    api_tokens.revoke(ApiToken.objects.filter(pk=row.pk))
    kept = str(list(LogEntry.objects.values()))
    people[Role.VIEWER].refresh_from_db()
    for word in ("digest", secret, row.digest, people[Role.VIEWER].password, "'password'"):
        assert word not in kept
    assert "revoked_at" in kept
    assert "generation" in kept  # that sign-ins ended may be known


def test_what_somebody_did_stays_known_after_the_account_is_gone(
    people: dict[Role, User], client_of: Clients
) -> None:
    bearer(signed_in(VIEWER)["access"]).patch(ME, {"name": "Kim"})
    users.remove(people[Role.VIEWER])
    done = newest(client_of(Role.ADMIN), actor_email=VIEWER)
    assert (done["actor"], done["actor_email"]) == (None, VIEWER)
    assert newest(client_of(Role.ADMIN), action="delete")["object_name"] == VIEWER


def test_it_is_filtered(people: dict[Role, User], client_of: Clients) -> None:
    bearer(signed_in(VIEWER)["access"]).patch(ME, {"name": "Kim"})
    viewer = people[Role.VIEWER].pk
    admin = client_of(Role.ADMIN)
    middle = timezone.now().isoformat()
    users.change(people[Role.OPERATOR], {"name": "Lee"})

    def count(**query: Any) -> int:
        return len(admin.get(AUDIT, query).json()["results"])

    assert count(actor=viewer) == 1
    assert count(object_type="accounts.user", object_id=viewer) == 2
    assert count(object_type="no.such") == 0
    assert count(action="update") == 2
    assert count(action="create") == 3
    assert count(after=middle) == 1
    assert count(before=middle, action="update") == 1
    for wrong in ({"actor": "x"}, {"action": "burn"}, {"after": "soon"}, {"actor": 10**30}):
        assert admin.get(AUDIT, wrong).status_code == 400


def test_pages_cost_the_same_however_long(people: dict[Role, User], client_of: Clients) -> None:
    admin = client_of(Role.ADMIN)
    admin.get(AUDIT)
    with CaptureQueriesContext(
        connection,
    ) as few:
        admin.get(AUDIT)
    for number in range(12):
        users.change(people[Role.VIEWER], {"name": f"Kim {number}"})
    with CaptureQueriesContext(connection) as many:
        page = admin.get(AUDIT, {"page_size": 10}).json()
    assert len(page["results"]) == 10
    assert page["next"]
    assert len(many) == len(few)
    assert not [query for query in many if "COUNT(" in query["sql"]]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_admins_look(client_of: Clients, people: dict[Role, User], role: Role) -> None:
    assert client_of(role).get(AUDIT).status_code == 403
    client = Client()
    client.force_login(people[role])
    assert client.get(reverse("admin:auditlog_logentry_changelist")).status_code == 403
    assert client.get(reverse("admin:axes_accessattempt_changelist")).status_code == 403
    assert "auditlog" not in client.get(reverse("admin:index")).content.decode()


def test_the_console_shows_it_to_read_only(people: dict[Role, User]) -> None:
    for number in range(12):
        users.change(people[Role.VIEWER], {"name": f"Kim {number}"})
    client = Client()
    client.force_login(people[Role.ADMIN])
    page = reverse("admin:auditlog_logentry_changelist")
    client.get(page)
    with CaptureQueriesContext(connection) as asked:
        shown = client.get(page, {"q": "viewer"})
    assert shown.status_code == 200
    assert VIEWER in shown.content.decode()
    assert len(asked) < 10
    unbounded = [
        query["sql"] for query in asked if "COUNT(" in query["sql"] and "LIMIT" not in query["sql"]
    ]
    assert unbounded == []
    entry = LogEntry.objects.latest("pk")
    one = reverse("admin:auditlog_logentry_change", args=[entry.pk])
    assert client.get(one).status_code == 200
    assert client.post(one, {"action": 2}).status_code == 403
    delete = reverse("admin:auditlog_logentry_delete", args=[entry.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403

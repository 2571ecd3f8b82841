"""The audit log: changes and their authors, visible to admins only."""

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
from accounts.tests.conftest import API, ME, bearer_client, sign_in

AUDIT = f"{API}/audit"
VIEWER = "viewer@example.org"
Clients = Callable[[Role], APIClient]


def newest(client: APIClient, **query: Any) -> dict[str, Any]:
    answer = client.get(AUDIT, query)
    assert answer.status_code == 200, answer.content
    return dict(answer.json()["results"][0])


def test_author_of_a_bearer_request_is_recorded(
    people: dict[Role, User], client_of: Clients
) -> None:
    tokens = sign_in(VIEWER)
    bearer_client(tokens["access"]).patch(ME, {"name": "Kim"})
    entry = newest(client_of(Role.ADMIN))
    assert (entry["action"], entry["object_type"]) == ("update", "accounts.user")
    assert entry["object_id"] == str(people[Role.VIEWER].pk)
    assert entry["changes"] == {"name": ["", "Kim"]}
    assert (entry["actor"], entry["actor_email"]) == (people[Role.VIEWER].pk, VIEWER)
    assert (entry["address"], entry["token"]) == ("127.0.0.1", None)


def test_author_of_an_asgi_request_is_recorded(
    people: dict[Role, User], client_of: Clients
) -> None:
    token = sign_in(VIEWER)["access"]
    headers = {"Authorization": f"Bearer {token}"}
    body = {"name": "Kim"}
    client = AsyncClient()
    call = async_to_sync(client.patch)
    answer = call(ME, body, content_type="application/json", headers=headers)
    assert answer.status_code == 200
    entry = newest(client_of(Role.ADMIN))
    assert (entry["changes"], entry["actor_email"]) == ({"name": ["", "Kim"]}, VIEWER)


def test_api_token_is_recorded_with_its_owner(people: dict[Role, User], client_of: Clients) -> None:
    row, secret = api_tokens.create(people[Role.ADMIN], name="CI", scopes=[Scope.ADMIN])
    bearer_client(secret).patch(f"{API}/users/{people[Role.VIEWER].pk}", {"role": "operator"})
    entry = newest(client_of(Role.ADMIN))
    assert entry["changes"] == {"role": ["viewer", "operator"]}
    assert (entry["actor_email"], entry["token"]) == ("admin@example.org", row.pk)


def test_author_in_the_console_is_recorded(people: dict[Role, User], client_of: Clients) -> None:
    client = Client()
    client.force_login(people[Role.ADMIN])
    page = reverse("admin:accounts_user_change", args=[people[Role.VIEWER].pk])
    client.post(page, {"email": VIEWER, "name": "Kim", "role": "viewer", "is_active": "on"})
    entry = newest(client_of(Role.ADMIN))
    assert (entry["actor_email"], entry["changes"]) == ("admin@example.org", {"name": ["", "Kim"]})


def test_change_without_a_request_has_no_author(
    people: dict[Role, User], client_of: Clients
) -> None:
    sign_in(VIEWER)
    users.change(people[Role.VIEWER], {"name": "Kim"})
    entry = newest(client_of(Role.ADMIN))
    assert (entry["actor"], entry["actor_email"], entry["address"]) == (None, None, None)


def test_log_contains_no_secrets(people: dict[Role, User]) -> None:
    before = LogEntry.objects.count()
    sign_in(VIEWER)  # sets last_login
    assert LogEntry.objects.count() == before
    users.change(people[Role.VIEWER], {"password": "another long password"})
    row, secret = api_tokens.create(people[Role.VIEWER], name="CI", scopes=[Scope.READ])
    api_tokens.revoke(ApiToken.objects.filter(pk=row.pk))
    stored = str(list(LogEntry.objects.values()))
    people[Role.VIEWER].refresh_from_db()
    for secret_text in ("digest", secret, row.digest, people[Role.VIEWER].password, "'password'"):
        assert secret_text not in stored
    assert "revoked_at" in stored
    assert "generation" in stored  # it shows that sign-ins ended


def test_entries_outlive_the_account(people: dict[Role, User], client_of: Clients) -> None:
    bearer_client(sign_in(VIEWER)["access"]).patch(ME, {"name": "Kim"})
    users.delete(people[Role.VIEWER])
    done = newest(client_of(Role.ADMIN), actor_email=VIEWER)
    assert (done["actor"], done["actor_email"]) == (None, VIEWER)
    assert newest(client_of(Role.ADMIN), action="delete")["object_name"] == VIEWER


def test_log_is_filtered(people: dict[Role, User], client_of: Clients) -> None:
    bearer_client(sign_in(VIEWER)["access"]).patch(ME, {"name": "Kim"})
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


def test_query_count_does_not_grow(people: dict[Role, User], client_of: Clients) -> None:
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
def test_only_admins_see_the_log(client_of: Clients, people: dict[Role, User], role: Role) -> None:
    assert client_of(role).get(AUDIT).status_code == 403
    client = Client()
    client.force_login(people[role])
    assert client.get(reverse("admin:auditlog_logentry_changelist")).status_code == 403
    assert client.get(reverse("admin:auditlog_logentry_export")).status_code == 403
    viewer = people[Role.VIEWER].pk
    assert client.get(reverse("admin:accounts_user_history", args=[viewer])).status_code == 403
    assert "auditlog" not in client.get(reverse("admin:index")).content.decode()


def test_console_page_is_read_only_and_bounded(people: dict[Role, User]) -> None:
    for number in range(12):
        users.change(people[Role.VIEWER], {"name": f"Kim {number}"})
    client = Client()
    client.force_login(people[Role.ADMIN])
    page = reverse("admin:auditlog_logentry_changelist")
    client.get(page)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page, {"q": "viewer"})
    assert answer.status_code == 200
    assert VIEWER in answer.content.decode()
    assert len(queries) < 10
    unbounded = [
        query["sql"]
        for query in queries
        if "COUNT(" in query["sql"] and "LIMIT" not in query["sql"]
    ]
    assert unbounded == []
    entry = LogEntry.objects.latest("pk")
    change_page = reverse("admin:auditlog_logentry_change", args=[entry.pk])
    assert client.get(change_page).status_code == 200
    assert client.post(change_page, {"action": 2}).status_code == 403
    delete = reverse("admin:auditlog_logentry_delete", args=[entry.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403

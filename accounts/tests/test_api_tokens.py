"""API tokens: returned once, limited by scopes, revocable."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.choices import Role, Scope
from accounts.models import ApiToken, IdempotencyKey, User
from accounts.services import api_tokens, bearers, users
from accounts.tests.conftest import API, ME, bearer_client

MINE = f"{API}/me/tokens"
Clients = Callable[[Role], APIClient]


def create(user: User, *scopes: Scope, **fields: Any) -> tuple[ApiToken, str]:
    return api_tokens.create(user, name="robot", scopes=scopes or (Scope.READ,), **fields)


def test_token_is_returned_once_and_authenticates(
    people: dict[Role, User], client_of: Clients
) -> None:
    client = client_of(Role.OPERATOR)
    answer = client.post(MINE, {"name": "CI", "scopes": ["run", "read", "read"]})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    secret = answer.json()["token"]
    assert secret.startswith("rst_")
    assert len(secret) == 47
    rows = client.get(MINE).json()["results"]
    assert [(row["name"], row["scopes"]) for row in rows] == [("CI", ["read", "run"])]
    assert secret.startswith(rows[0]["prefix"])
    assert secret not in str(rows)
    stored = str(ApiToken.objects.values().get())
    assert secret not in stored
    assert bearer_client(secret).get(ME).json()["email"] == "operator@example.org"


def test_repeated_key_makes_one_token_that_no_row_contains(client_of: Clients) -> None:
    body = {"name": "CI", "scopes": ["read"]}
    answers = [
        client_of(Role.VIEWER).post(MINE, body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer["Cache-Control"] for answer in answers] == ["no-store", "no-store"]
    assert answers[0].json() == answers[1].json()
    secret = answers[1].json()["token"]
    assert bearer_client(secret).get(ME).status_code == 200
    assert secret not in str([*ApiToken.objects.values(), *IdempotencyKey.objects.values()])


def test_token_is_limited_to_its_scopes(people: dict[Role, User]) -> None:
    _row, secret = create(people[Role.ADMIN], Scope.READ)
    assert bearer_client(secret).get(f"{API}/simulations").status_code == 200
    assert bearer_client(secret).get(f"{API}/users").status_code == 403
    assert bearer_client(secret).post(f"{API}/simulations", {}).status_code == 403
    _row, wide = create(people[Role.ADMIN], Scope.ADMIN)
    assert bearer_client(wide).get(f"{API}/users").status_code == 200
    assert bearer_client(wide).get(f"{API}/simulations").status_code == 403


def test_token_is_limited_to_the_owners_role(people: dict[Role, User]) -> None:
    _row, secret = create(people[Role.VIEWER], *Scope)
    assert bearer_client(secret).get(f"{API}/users").status_code == 403
    users.change(people[Role.VIEWER], {"role": Role.ADMIN})
    assert bearer_client(secret).get(f"{API}/users").status_code == 200


def test_token_cannot_manage_tokens_or_the_owner(people: dict[Role, User]) -> None:
    _row, secret = create(people[Role.ADMIN], *Scope)
    client = bearer_client(secret)
    assert client.post(MINE, {"name": "x", "scopes": ["read"]}).status_code == 403
    assert client.patch(ME, {"name": "x"}).status_code == 403
    assert client.post(f"{API}/auth/password/change", {}).status_code == 403
    assert client.delete(f"{API}/me/sessions").status_code == 403


def test_revoked_expired_and_malformed_tokens_are_refused(people: dict[Role, User]) -> None:
    user = people[Role.OPERATOR]
    revoked, by_owner = create(user)
    api_tokens.revoke(ApiToken.objects.filter(pk=revoked.pk))
    expired, by_time = create(user, expires_at=timezone.now() - timedelta(seconds=1))
    _closed, of_closed = create(people[Role.VIEWER])
    users.change(people[Role.VIEWER], {"is_active": False})
    tokens = [by_owner, by_time, of_closed, "rst_", "rst_" + "a" * 43, by_owner + "a"]
    assert [bearer_client(token).get(ME).status_code for token in tokens] == [401] * len(tokens)
    assert not expired.is_valid()


def test_owner_revokes_a_token(people: dict[Role, User], client_of: Clients) -> None:
    row, secret = create(people[Role.OPERATOR])
    assert client_of(Role.VIEWER).delete(f"{MINE}/{row.pk}").status_code == 404
    assert bearer_client(secret).get(ME).status_code == 200
    client = client_of(Role.OPERATOR)
    assert client.delete(f"{MINE}/{row.pk}").status_code == 204
    row.refresh_from_db()
    first = row.revoked_at
    assert client.delete(f"{MINE}/{row.pk}").status_code == 204  # repeating is no error
    row.refresh_from_db()
    assert row.revoked_at == first
    assert bearer_client(secret).get(ME).status_code == 401


def test_admin_lists_and_revokes_all_tokens(people: dict[Role, User], client_of: Clients) -> None:
    row, secret = create(people[Role.OPERATOR])
    create(people[Role.VIEWER])
    admin = client_of(Role.ADMIN)
    assert len(admin.get(f"{API}/tokens").json()["results"]) == 2
    answer = admin.get(f"{API}/tokens", {"user": people[Role.OPERATOR].pk, "revoked": "false"})
    assert [row["id"] for row in answer.json()["results"]] == [row.pk]
    assert admin.delete(f"{API}/tokens/{row.pk}").status_code == 204
    assert bearer_client(secret).get(ME).status_code == 401
    assert client_of(Role.OPERATOR).get(f"{API}/tokens").status_code == 403


def test_last_use_is_recorded_once_a_minute(
    people: dict[Role, User], django_assert_num_queries: Any
) -> None:
    row, secret = create(people[Role.OPERATOR])
    with django_assert_num_queries(2):
        bearers.authenticate_bearer(secret)
    row.refresh_from_db()
    assert row.last_used_at is not None
    with django_assert_num_queries(1):
        bearers.authenticate_bearer(secret)
    ApiToken.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    with django_assert_num_queries(2):
        bearers.authenticate_bearer(secret)


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"scopes": ["king"]}, "/scopes/0"),
        ({"scopes": []}, "/scopes"),
        ({"name": ""}, "/name"),
        ({"name": "a\0b"}, "/name"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "soon"}, "/expires_at"),
        ({"user": 1, "owner": 2}, "/owner"),
    ],
)
def test_invalid_fields_are_named(client_of: Clients, wrong: dict[str, Any], pointer: str) -> None:
    answer = client_of(Role.OPERATOR).post(MINE, {"name": "CI", "scopes": ["read"], **wrong})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


def test_verify_returns_the_scopes(people: dict[Role, User]) -> None:
    _row, secret = create(people[Role.OPERATOR], Scope.RUN)
    data = APIClient().post(f"{API}/auth/verify", {"token": secret}).json()
    assert (data["valid"], data["scopes"], data["expires_at"]) == (True, ["run"], None)


def test_console_revokes_and_shows_no_digest(people: dict[Role, User]) -> None:
    row, secret = create(people[Role.OPERATOR])
    client = APIClient()
    client.force_login(people[Role.ADMIN])
    page = reverse("admin:accounts_apitoken_changelist")
    change_page = reverse("admin:accounts_apitoken_change", args=[row.pk])
    for answer in (client.get(page), client.get(change_page)):
        assert answer.status_code == 200
        assert row.prefix in answer.content.decode()
        assert row.digest not in answer.content.decode()
    form = {"action": "revoke", "_selected_action": [row.pk], "post": "yes"}
    assert client.post(page, form, format="multipart").status_code == 302
    assert bearer_client(secret).get(ME).status_code == 401
    client.force_login(people[Role.OPERATOR])
    assert client.get(page).status_code == 403

"""Access tokens of a sign-in that has ended are refused at once, also while Redis is away."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import tokens
from accounts.choices import Role
from accounts.models import RevokedSignIn, User
from accounts.services import revocations, sessions
from accounts.services.bearers import authenticate_bearer, issue_access
from accounts.tests.conftest import API, ME, REFRESH, bearer_client, sign_in

VIEWER = "viewer@example.org"
LOGOUT = f"{API}/auth/logout"


def status(access: str) -> int:
    return int(bearer_client(access).get(ME).status_code)


@pytest.fixture
def other(people: dict[Role, User]) -> str:
    """The access token of the same user on another device."""
    return str(sign_in(VIEWER)["access"])


def test_sign_out_ends_the_access_tokens_of_this_device(other: str) -> None:
    here = sign_in(VIEWER)
    again = bearer_client("").post(REFRESH, {"refresh": here["refresh"]}).json()
    assert bearer_client("").post(LOGOUT, {"refresh": again["refresh"]}).status_code == 204
    assert [status(here["access"]), status(again["access"]), status(other)] == [401, 401, 200]


def test_reuse_ends_the_access_tokens_of_thief_and_owner(other: str, settings: Any) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 0
    stolen = sign_in(VIEWER)
    thief = bearer_client("").post(REFRESH, {"refresh": stolen["refresh"]}).json()
    answer = bearer_client("").post(REFRESH, {"refresh": stolen["refresh"]})
    assert answer.status_code == 401
    assert [status(stolen["access"]), status(thief["access"]), status(other)] == [401, 401, 200]


def test_an_ended_device_is_out(other: str) -> None:
    here = sign_in(VIEWER)
    client = bearer_client(here["access"])
    name = next(row["id"] for row in client.get(f"{API}/me/sessions").json() if row["current"])
    assert client.delete(f"{API}/me/sessions/{name}").status_code == 204
    assert [status(here["access"]), status(other)] == [401, 200]


def test_it_holds_while_redis_is_away(people: dict[Role, User], redis_unavailable: None) -> None:
    good, ended = (issue_access(people[Role.VIEWER], name)[0] for name in "ab")
    revocations.revoke("b")
    revocations.revoke("b")
    assert [status(good), status(ended)] == [200, 401]


def test_user_and_sign_in_are_read_in_one_query(
    people: dict[Role, User], django_assert_num_queries: Any
) -> None:
    access = issue_access(people[Role.VIEWER], "a")[0]
    with django_assert_num_queries(1):
        assert authenticate_bearer(access).sign_in == "a"


def test_tokens_without_a_sign_in_hold_until_they_expire(people: dict[Role, User]) -> None:
    revocations.revoke("a")
    assert status(issue_access(people[Role.VIEWER])[0]) == 200


def test_a_sign_out_that_failed_midway_can_be_repeated(
    people: dict[Role, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = sign_in(VIEWER)
    with monkeypatch.context() as broken:
        broken.setattr(tokens, "end", lambda *_args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sessions.sign_out(here["refresh"])
    assert status(here["access"]) == 401
    assert bearer_client("").post(REFRESH, {"refresh": here["refresh"]}).status_code == 401
    assert sessions.sign_ins(people[Role.VIEWER]) == []


def test_rows_are_pruned_when_their_tokens_have_expired(db: None) -> None:
    then = timezone.now() - timedelta(days=2)
    RevokedSignIn.objects.create(name="old", revoked_at=then)
    revocations.revoke("new")
    assert revocations.prune() == 1
    assert RevokedSignIn.objects.get().name == "new"

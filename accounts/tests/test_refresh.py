"""Refresh tokens: rotation, detection of reuse, loss of Redis."""

import time
from typing import Any

import pytest
from django.core.cache import cache
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from accounts import tokens
from accounts.choices import Role
from accounts.exceptions import RefreshRefusedError
from accounts.models import User
from accounts.services import sessions, users
from accounts.tests.conftest import API, ME, REFRESH, bearer_client, run_in_parallel, sign_in

LOGOUT = f"{API}/auth/logout"
VIEWER = "viewer@example.org"


def refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": token})


def refused(answer: Any) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "REFRESH_REFUSED")


def test_refresh_rotates_tokens(people: dict[Role, User]) -> None:
    first = sign_in(VIEWER)
    second = refresh(first["refresh"]).json()
    third = refresh(second["refresh"]).json()
    assert len({first["refresh"], second["refresh"], third["refresh"]}) == 3
    assert bearer_client(third["access"]).get(ME).json()["email"] == VIEWER
    ends = {parse_datetime(one["refresh_expires_at"]) for one in (first, second, third)}
    assert len(ends) == 1  # refreshing does not move the end of the sign-in


def test_parallel_refreshes_all_succeed_with_one_successor(
    transactional_db: None, people: dict[Role, User], settings: Any
) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 300
    token = sign_in(VIEWER)["refresh"]
    answers = run_in_parallel(8, lambda _number: refresh(token))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    for answer in answers:
        assert bearer_client(answer.json()["access"]).get(ME).status_code == 200


def test_rotated_token_within_the_grace_time_gets_the_newest(
    people: dict[Role, User], settings: Any
) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 300
    first = sign_in(VIEWER)["refresh"]
    second = refresh(first).json()["refresh"]
    third = refresh(second).json()["refresh"]
    assert refresh(first).json()["refresh"] == third
    assert refresh(third).status_code == 200


def test_reused_token_ends_only_its_family(people: dict[Role, User], settings: Any) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 0
    other = sign_in(VIEWER)["refresh"]
    stolen = sign_in(VIEWER)["refresh"]
    good = refresh(stolen).json()["refresh"]
    assert refused(refresh(stolen))
    assert refused(refresh(good))
    assert refresh(other).status_code == 200


def test_parallel_reuse_ends_the_family(
    transactional_db: None, people: dict[Role, User], settings: Any
) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 0
    token = sign_in(VIEWER)["refresh"]
    answers = run_in_parallel(6, lambda _number: refresh(token))
    successors = [answer.json()["refresh"] for answer in answers if answer.status_code == 200]
    assert len(successors) == 1
    assert refused(refresh(successors[0]))


@pytest.mark.parametrize("setting", ["REFRESH_TOKEN_IDLE_MINUTES", "REFRESH_TOKEN_EXPIRE_MINUTES"])
def test_sign_in_expires(people: dict[Role, User], settings: Any, setting: str) -> None:
    setattr(settings, setting, 0.002)
    token = sign_in(VIEWER)["refresh"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            tokens.find(token)
        except RefreshRefusedError:
            break
        time.sleep(0.02)
    assert refused(refresh(token))
    assert tokens.families(people[Role.VIEWER].pk) == []


def test_use_extends_a_sign_in_up_to_its_lifetime(people: dict[Role, User], settings: Any) -> None:
    user = people[Role.VIEWER]
    token = sign_in(VIEWER)["refresh"]
    settings.REFRESH_TOKEN_IDLE_MINUTES = settings.REFRESH_TOKEN_EXPIRE_MINUTES * 10
    refresh(token)
    key = f"robotsim:auth:family:{tokens.families(user.pk)[0].name}"
    ttl = cache.client.get_client().pttl(key)
    assert 0 < ttl <= settings.REFRESH_TOKEN_EXPIRE_MINUTES * 60_000


def test_signing_out_ends_one_device(people: dict[Role, User]) -> None:
    here, there = sign_in(VIEWER)["refresh"], sign_in(VIEWER)["refresh"]
    assert APIClient().post(LOGOUT, {"refresh": here}).status_code == 204
    assert refused(refresh(here))
    assert refresh(there).status_code == 200
    assert APIClient().post(LOGOUT, {"refresh": here}).status_code == 204  # repeating is no error
    assert APIClient().post(LOGOUT, {}).status_code == 204


@pytest.mark.parametrize(
    "values", [{"password": "another long password"}, {"is_active": False}], ids=str
)
def test_new_password_and_deactivation_end_sign_ins(
    people: dict[Role, User], values: dict[str, Any]
) -> None:
    user = people[Role.VIEWER]
    sign_ins = [sign_in(VIEWER) for _device in range(2)]
    users.change(user, values)
    users.change(user, {"is_active": True})  # reactivation does not restore sign-ins
    for signed_in in sign_ins:
        assert refused(refresh(signed_in["refresh"]))
        assert bearer_client(signed_in["access"]).get(ME).status_code == 401


def test_update_in_the_database_ends_sign_ins(people: dict[Role, User]) -> None:
    token = sign_in(VIEWER)["refresh"]
    User.objects.filter(email=VIEWER).update(is_active=False)
    assert refused(refresh(token))


def test_the_tokens_of_a_deleted_user_are_refused(people: dict[Role, User]) -> None:
    signed_in = sign_in(VIEWER)
    User.objects.filter(email=VIEWER).delete()
    assert refused(refresh(signed_in["refresh"]))
    assert bearer_client(signed_in["access"]).get(ME).json()["code"] == "TOKEN_INVALID"


def test_new_role_applies_immediately(people: dict[Role, User]) -> None:
    client = bearer_client(sign_in(VIEWER)["access"])
    assert client.get(f"{API}/users").status_code == 403
    users.change(people[Role.VIEWER], {"role": Role.ADMIN})
    assert client.get(f"{API}/users").status_code == 200


@pytest.mark.parametrize(
    "token",
    ["", "x", "rsr_", "rsr_" + "a" * 22 + "." + "b" * 43, "rsr_" + "é" * 22 + ".b", "a.b.c"],
)
def test_malformed_token_is_refused(db: None, token: str) -> None:
    answer = refresh(token)
    assert answer.status_code == (400 if token == "" else 401)
    assert answer["Content-Type"] == "application/problem+json"


def test_redis_stores_no_token(people: dict[Role, User]) -> None:
    token = sign_in(VIEWER)["refresh"]
    public, secret = token.removeprefix("rsr_").split(".")
    client = cache.client.get_client()
    families = client.keys("robotsim:auth:family:*")
    assert len(families) == 1
    stored = str(client.hgetall(families[0])) + str(families)
    assert secret not in stored
    assert public not in stored


def test_redis_outage_is_reported_with_retry_after(
    people: dict[Role, User], redis_unavailable: None
) -> None:
    form = {"email": VIEWER, "password": "a long enough password"}
    token = "rsr_" + "a" * 22 + "." + "b" * 43
    for answer in (APIClient().post(f"{API}/auth/signin", form), refresh(token)):
        assert answer.status_code == 503
        assert answer["Content-Type"] == "application/problem+json"
        assert int(answer["Retry-After"]) > 0
        assert answer.json()["code"] == "SIGN_IN_STORE_UNAVAILABLE"


def test_end_all_works_without_redis(people: dict[Role, User], redis_unavailable: None) -> None:
    user = people[Role.VIEWER]
    before = user.get_session_auth_hash()
    sessions.end_all(user)
    assert user.get_session_auth_hash() != before


def test_lost_redis_data_requires_a_new_sign_in(people: dict[Role, User]) -> None:
    signed_in = sign_in(VIEWER)
    cache.client.get_client().flushdb()
    assert refused(refresh(signed_in["refresh"]))
    assert bearer_client(signed_in["access"]).get(ME).status_code == 200
    assert refresh(sign_in(VIEWER)["refresh"]).status_code == 200


def test_oldest_sign_in_is_ended_at_the_limit(
    people: dict[Role, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MAX_FAMILIES", 3)
    user = people[Role.VIEWER]
    created = [tokens.begin(user.pk, "stamp", tokens.Device()) for _device in range(5)]
    names = {family.name for family in tokens.families(user.pk)}
    assert len(names) == 3
    assert created[-1].family in names
    tokens.end_all(user.pk)
    assert tokens.families(user.pk) == []

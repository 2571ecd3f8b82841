"""One stays signed in by refresh tokens; a stolen one is noticed; Redis may be lost."""

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
from accounts.tests.conftest import API, ME, REFRESH, at_once, bearer, signed_in

LOGOUT = f"{API}/auth/logout"
VIEWER = "viewer@example.org"


def refresh(token: str) -> Any:
    return APIClient().post(REFRESH, {"refresh": token})


def refused(answer: Any) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "REFRESH_REFUSED")


def test_tokens_follow_each_other(people: dict[Role, User]) -> None:
    first = signed_in(VIEWER)
    second = refresh(first["refresh"]).json()
    third = refresh(second["refresh"]).json()
    assert len({first["refresh"], second["refresh"], third["refresh"]}) == 3
    assert bearer(third["access"]).get(ME).json()["email"] == VIEWER
    ends = {parse_datetime(one["refresh_expires_at"]) for one in (first, second, third)}
    assert len(ends) == 1  # refreshing does not move the end of the sign-in


def test_parallel_refreshes_all_succeed_with_one_successor(
    transactional_db: None, people: dict[Role, User]
) -> None:
    token = signed_in(VIEWER)["refresh"]
    answers = at_once(8, lambda _number: refresh(token))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    for answer in answers:
        assert bearer(answer.json()["access"]).get(ME).status_code == 200


def test_a_late_token_within_the_grace_time_gets_the_newest(people: dict[Role, User]) -> None:
    first = signed_in(VIEWER)["refresh"]
    second = refresh(first).json()["refresh"]
    third = refresh(second).json()["refresh"]
    assert refresh(first).json()["refresh"] == third
    assert refresh(third).status_code == 200


def test_a_rotated_token_used_again_ends_its_family_only(
    people: dict[Role, User], settings: Any
) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 0
    other = signed_in(VIEWER)["refresh"]
    stolen = signed_in(VIEWER)["refresh"]
    good = refresh(stolen).json()["refresh"]
    assert refused(refresh(stolen))
    assert refused(refresh(good))
    assert refresh(other).status_code == 200


def test_parallel_theft_leaves_nobody_inside(
    transactional_db: None, people: dict[Role, User], settings: Any
) -> None:
    settings.REFRESH_TOKEN_GRACE_SECONDS = 0
    token = signed_in(VIEWER)["refresh"]
    answers = at_once(6, lambda _number: refresh(token))
    won = [answer.json()["refresh"] for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    assert refused(refresh(won[0]))


@pytest.mark.parametrize("setting", ["REFRESH_TOKEN_IDLE_MINUTES", "REFRESH_TOKEN_EXPIRE_MINUTES"])
def test_a_sign_in_ends_by_itself(people: dict[Role, User], settings: Any, setting: str) -> None:
    setattr(settings, setting, 0.002)
    token = signed_in(VIEWER)["refresh"]
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            tokens.find(token)
        except RefreshRefusedError:
            break
        time.sleep(0.02)
    assert refused(refresh(token))
    assert tokens.families(people[Role.VIEWER].pk) == []


def test_use_keeps_a_sign_in_alive_but_not_beyond_its_end(
    people: dict[Role, User], settings: Any
) -> None:
    user = people[Role.VIEWER]
    token = signed_in(VIEWER)["refresh"]
    settings.REFRESH_TOKEN_IDLE_MINUTES = settings.REFRESH_TOKEN_EXPIRE_MINUTES * 10
    refresh(token)
    key = f"robotsim:auth:family:{tokens.families(user.pk)[0].name}"
    left = cache.client.get_client().pttl(key)
    assert 0 < left <= settings.REFRESH_TOKEN_EXPIRE_MINUTES * 60_000


def test_signing_out_ends_one_device(people: dict[Role, User]) -> None:
    here, there = signed_in(VIEWER)["refresh"], signed_in(VIEWER)["refresh"]
    assert APIClient().post(LOGOUT, {"refresh": here}).status_code == 204
    assert refused(refresh(here))
    assert refresh(there).status_code == 200
    assert APIClient().post(LOGOUT, {"refresh": here}).status_code == 204  # again is no error
    assert APIClient().post(LOGOUT, {}).status_code == 204


@pytest.mark.parametrize(
    "values", [{"password": "another long password"}, {"is_active": False}], ids=str
)
def test_a_new_password_and_switching_off_end_all(
    people: dict[Role, User], values: dict[str, Any]
) -> None:
    user = people[Role.VIEWER]
    held = [signed_in(VIEWER) for _device in range(2)]
    users.change(user, values)
    users.change(user, {"is_active": True})  # what has ended does not begin again
    for one in held:
        assert refused(refresh(one["refresh"]))
        assert bearer(one["access"]).get(ME).status_code == 401


def test_a_change_that_only_the_database_saw_ends_them_too(people: dict[Role, User]) -> None:
    token = signed_in(VIEWER)["refresh"]
    User.objects.filter(email=VIEWER).update(is_active=False)
    assert refused(refresh(token))


def test_the_tokens_of_a_deleted_user_are_refused(people: dict[Role, User]) -> None:
    held = signed_in(VIEWER)
    User.objects.filter(email=VIEWER).delete()
    assert refused(refresh(held["refresh"]))
    assert bearer(held["access"]).get(ME).json()["code"] == "TOKEN_INVALID"


def test_a_new_role_counts_at_once(people: dict[Role, User]) -> None:
    client = bearer(signed_in(VIEWER)["access"])
    assert client.get(f"{API}/users").status_code == 403
    users.change(people[Role.VIEWER], {"role": Role.ADMIN})
    assert client.get(f"{API}/users").status_code == 200


@pytest.mark.parametrize(
    "token",
    ["", "x", "rsr_", "rsr_" + "a" * 22 + "." + "b" * 43, "rsr_" + "é" * 22 + ".b", "a.b.c"],
)
def test_what_is_no_token_is_refused(db: None, token: str) -> None:
    answer = refresh(token)
    assert answer.status_code == (400 if token == "" else 401)
    assert answer["Content-Type"] == "application/problem+json"


def test_redis_holds_no_token(people: dict[Role, User]) -> None:
    token = signed_in(VIEWER)["refresh"]
    public, secret = token.removeprefix("rsr_").split(".")
    client = cache.client.get_client()
    families = client.keys("robotsim:auth:family:*")
    assert len(families) == 1
    kept = str(client.hgetall(families[0])) + str(families)
    assert secret not in kept
    assert public not in kept


def test_without_redis_one_is_told_to_wait(people: dict[Role, User], redis_away: None) -> None:
    form = {"email": VIEWER, "password": "a long enough password"}
    token = "rsr_" + "a" * 22 + "." + "b" * 43
    for answer in (APIClient().post(f"{API}/auth/signin", form), refresh(token)):
        assert answer.status_code == 503
        assert answer["Content-Type"] == "application/problem+json"
        assert int(answer["Retry-After"]) > 0
        assert answer.json()["code"] == "SIGN_IN_STORE_UNAVAILABLE"


def test_ending_all_needs_no_redis(people: dict[Role, User], redis_away: None) -> None:
    user = people[Role.VIEWER]
    before = user.get_session_auth_hash()
    sessions.end_all(user)
    assert user.get_session_auth_hash() != before


def test_an_emptied_redis_makes_people_sign_in_again(people: dict[Role, User]) -> None:
    held = signed_in(VIEWER)
    cache.client.get_client().flushdb()
    assert refused(refresh(held["refresh"]))
    assert bearer(held["access"]).get(ME).status_code == 200
    assert refresh(signed_in(VIEWER)["refresh"]).status_code == 200


def test_the_device_used_longest_ago_makes_room(
    people: dict[Role, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "MOST_DEVICES", 3)
    user = people[Role.VIEWER]
    held = [tokens.begin(user.pk, "stamp", tokens.Device()) for _device in range(5)]
    left = {family.name for family in tokens.families(user.pk)}
    assert len(left) == 3
    assert held[-1].name in left
    tokens.end_all(user.pk)
    assert tokens.families(user.pk) == []

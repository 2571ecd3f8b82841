"""Tokens that are not ours, not now, or nobody's are refused with 401, never with 500."""

from typing import Any

import jwt
import pytest
from django.conf import settings
from django.core import signing
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from accounts.choices import Role
from accounts.models import User
from accounts.services import sessions
from accounts.tests.conftest import API, ME, bearer, signed_in

VIEWER = "viewer@example.org"


def claims(user: User, **changed: Any) -> dict[str, Any]:
    """What a good token says, with something changed; None leaves a claim out."""
    made = AccessToken.for_user(user)
    made["gen"] = user.generation
    full = {**made.payload, "aud": "robotsim", "iss": "robotsim", **changed}
    return {name: value for name, value in full.items() if value is not None}


def signed(
    user: User, key: str = settings.SECRET_KEY, algorithm: str = "HS256", **changed: Any
) -> str:
    return jwt.encode(claims(user, **changed), key, algorithm=algorithm)


@pytest.fixture
def user(people: dict[Role, User]) -> User:
    return people[Role.VIEWER]


def test_the_pattern_of_these_tests_is_a_good_token(user: User) -> None:
    assert bearer(signed(user)).get(ME).status_code == 200


def test_a_request_reads_the_user_once(user: User, django_assert_num_queries: Any) -> None:
    client = bearer(signed_in(VIEWER)["access"])
    with django_assert_num_queries(1):
        assert client.get(ME).status_code == 200


BAD = {
    "expired": {"exp": 1},
    "without end": {"exp": None},
    "foreign audience": {"aud": "another service"},
    "without audience": {"aud": None},
    "foreign issuer": {"iss": "another service"},
    "without issuer": {"iss": None},
    "of another kind": {"token_type": "refresh"},
    "of nobody": {"user_id": None},
    "of a user that is no number": {"user_id": "x"},
    "of a user beyond numbers": {"user_id": "9" * 40},
    "of a user with a NUL": {"user_id": "\0"},
    "of another generation": {"gen": 7},
    "without generation": {"gen": None},
    "of another password": {"hash_password": "0" * 32},
    "from the future": {"iat": 4102444800},
    "with an end that is no time": {"exp": "soon"},
}


@pytest.mark.parametrize("changed", BAD.values(), ids=BAD.keys())
def test_a_token_with_one_thing_wrong_is_refused(user: User, changed: dict[str, Any]) -> None:
    answer = bearer(signed(user, **changed)).get(ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_forged_tokens_are_refused(user: User) -> None:
    good = signed(user)
    head, body, signature = good.split(".")
    forged = [
        signed(user, key="another key that is long enough for it"),
        signed(user, algorithm="HS384"),
        jwt.encode(claims(user), None, algorithm="none"),
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        signing.dumps({"unit": 1}, salt="units"),
        str(RefreshToken.for_user(user)),
    ]
    assert [bearer(token).get(ME).status_code for token in forged] == [401] * len(forged)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "bearer \0", "Bearer \x80é", "Bearer " + "a" * 9000],
)
def test_a_header_that_makes_no_sense_is_refused(db: None, header: str) -> None:
    assert APIClient().get(ME, headers={"Authorization": header}).status_code == 401


def test_signing_out_everywhere_ends_access_tokens_and_console(user: User) -> None:
    client = bearer(signed_in(VIEWER)["access"])
    console = APIClient()
    console.force_login(user)
    assert console.get(ME).status_code == 200
    assert client.delete(f"{API}/me/sessions").status_code == 204
    assert client.get(ME).status_code == 401
    assert console.get(ME).status_code == 401


def test_a_stale_token_does_not_hinder_a_sign_in(user: User) -> None:
    answer = bearer("stale").post(
        f"{API}/auth/signin", {"email": VIEWER, "password": "a long enough password"}
    )
    assert answer.status_code == 200


def test_verifying_tells_whose_token_it_is(user: User) -> None:
    held = signed_in(VIEWER)
    told = APIClient().post(f"{API}/auth/verify", {"token": held["access"]}).json()
    assert (told["valid"], told["id"], told["role"], told["scopes"]) == (
        True,
        user.pk,
        "viewer",
        None,
    )
    for token in ("nonsense", held["refresh"], held["access"] + "x"):
        answer = APIClient().post(f"{API}/auth/verify", {"token": token})
        assert answer.status_code == 200
        assert answer.json()["valid"] is False
        assert answer.json()["email"] is None


def test_devices_are_listed_and_ended_one_by_one(user: User) -> None:
    here = signed_in(VIEWER)
    APIClient().post(
        f"{API}/auth/signin",
        {"email": VIEWER, "password": "a long enough password"},
        headers={"User-Agent": "Toaster/1.0"},
    )
    client = bearer(here["access"])
    listed = client.get(f"{API}/me/sessions").json()
    assert {one["user_agent"] for one in listed} == {"", "Toaster/1.0"}
    assert [one["current"] for one in listed].count(True) == 1
    other = next(one for one in listed if not one["current"])
    assert other["address"] == "127.0.0.1"
    assert client.delete(f"{API}/me/sessions/{other['id']}").status_code == 204
    assert client.delete(f"{API}/me/sessions/{other['id']}").status_code == 404
    assert [one["current"] for one in client.get(f"{API}/me/sessions").json()] == [True]


def test_nobody_ends_the_sign_in_of_another(people: dict[Role, User]) -> None:
    signed_in("admin@example.org")
    name = sessions.sign_ins(people[Role.ADMIN])[0].name
    client = bearer(signed_in(VIEWER)["access"])
    assert client.delete(f"{API}/me/sessions/{name}").status_code == 404
    assert len(sessions.sign_ins(people[Role.ADMIN])) == 1

"""Bearer tokens: forged, expired and malformed ones are refused with 401, never with 500."""

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
from accounts.tests.conftest import API, ME, bearer_client, sign_in

VIEWER = "viewer@example.org"


def claims(user: User, **changed: Any) -> dict[str, Any]:
    """Return the claims of a valid token with changes; None removes a claim."""
    token = AccessToken.for_user(user)
    token["gen"] = user.generation
    full = {**token.payload, "aud": "robotsim", "iss": "robotsim", **changed}
    return {name: value for name, value in full.items() if value is not None}


def signed(
    user: User, key: str = settings.SECRET_KEY, algorithm: str = "HS256", **changed: Any
) -> str:
    return jwt.encode(claims(user, **changed), key, algorithm=algorithm)


@pytest.fixture
def user(people: dict[Role, User]) -> User:
    return people[Role.VIEWER]


def test_valid_token_is_accepted(user: User) -> None:
    assert bearer_client(signed(user)).get(ME).status_code == 200


def test_request_reads_the_user_once(user: User, django_assert_num_queries: Any) -> None:
    client = bearer_client(sign_in(VIEWER)["access"])
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
def test_token_with_an_invalid_claim_is_refused(user: User, changed: dict[str, Any]) -> None:
    answer = bearer_client(signed(user, **changed)).get(ME)
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
    assert [bearer_client(token).get(ME).status_code for token in forged] == [401] * len(forged)


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "bearer \0", "Bearer \x80é", "Bearer " + "a" * 9000],
)
def test_malformed_header_is_refused(db: None, header: str) -> None:
    assert APIClient().get(ME, headers={"Authorization": header}).status_code == 401


def test_signing_out_everywhere_ends_access_tokens_and_console(user: User) -> None:
    client = bearer_client(sign_in(VIEWER)["access"])
    console = APIClient()
    console.force_login(user)
    assert console.get(ME).status_code == 200
    assert client.delete(f"{API}/me/sessions").status_code == 204
    assert client.get(ME).status_code == 401
    assert console.get(ME).status_code == 401


def test_invalid_token_does_not_prevent_sign_in(user: User) -> None:
    answer = bearer_client("stale").post(
        f"{API}/auth/signin", {"email": VIEWER, "password": "a long enough password"}
    )
    assert answer.status_code == 200


def test_verify_returns_the_owner(user: User) -> None:
    tokens = sign_in(VIEWER)
    data = APIClient().post(f"{API}/auth/verify", {"token": tokens["access"]}).json()
    assert (data["valid"], data["id"], data["role"], data["scopes"]) == (
        True,
        user.pk,
        "viewer",
        None,
    )
    for token in ("nonsense", tokens["refresh"], tokens["access"] + "x"):
        answer = APIClient().post(f"{API}/auth/verify", {"token": token})
        assert answer.status_code == 200
        assert answer.json()["valid"] is False
        assert answer.json()["email"] is None


def test_devices_are_listed_and_ended_one_by_one(user: User) -> None:
    here = sign_in(VIEWER)
    APIClient().post(
        f"{API}/auth/signin",
        {"email": VIEWER, "password": "a long enough password"},
        headers={"User-Agent": "Toaster/1.0"},
    )
    client = bearer_client(here["access"])
    sign_ins = client.get(f"{API}/me/sessions").json()
    assert {row["user_agent"] for row in sign_ins} == {"", "Toaster/1.0"}
    assert [row["current"] for row in sign_ins].count(True) == 1
    other = next(row for row in sign_ins if not row["current"])
    assert other["address"] == "127.0.0.1"
    assert client.delete(f"{API}/me/sessions/{other['id']}").status_code == 204
    assert client.delete(f"{API}/me/sessions/{other['id']}").status_code == 404
    assert [row["current"] for row in client.get(f"{API}/me/sessions").json()] == [True]


def test_sign_in_of_another_user_cannot_be_ended(people: dict[Role, User]) -> None:
    sign_in("admin@example.org")
    name = sessions.sign_ins(people[Role.ADMIN])[0].name
    client = bearer_client(sign_in(VIEWER)["access"])
    assert client.delete(f"{API}/me/sessions/{name}").status_code == 404
    assert len(sessions.sign_ins(people[Role.ADMIN])) == 1

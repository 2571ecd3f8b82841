"""Sign-in: returns a valid token, and reveals nothing about accounts."""

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import PASSWORD

SIGN_IN = f"{settings.API_STR}/auth/signin"
ME = f"{settings.API_STR}/me"


def sign_in(email: str, password: str = PASSWORD) -> APIClient:
    client = APIClient()
    token = client.post(SIGN_IN, {"email": email, "password": password}).data["access"]
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def test_token_authenticates(people: dict[Role, User]) -> None:
    answer = APIClient().post(SIGN_IN, {"email": " Viewer@Example.ORG ", "password": PASSWORD})
    assert answer.status_code == 200
    assert set(answer.data) == {
        "access",
        "expires_at",
        "refresh",
        "refresh_expires_at",
        "role",
        "email",
    }
    assert (answer.data["role"], answer.data["email"]) == ("viewer", "viewer@example.org")
    expires = parse_datetime(answer.data["expires_at"])
    assert expires is not None
    assert expires > timezone.now()
    me = sign_in("viewer@example.org").get(ME)
    assert (me.status_code, me.data["email"], me.data["role"]) == (
        200,
        "viewer@example.org",
        "viewer",
    )


@pytest.mark.parametrize(
    ("email", "password"),
    [("viewer@example.org", "wrong"), ("nobody@example.org", PASSWORD)],
)
def test_unknown_address_and_wrong_password_get_the_same_response(
    people: dict[Role, User], email: str, password: str
) -> None:
    answer = APIClient().post(SIGN_IN, {"email": email, "password": password})
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "SIGN_IN_REFUSED"


def test_deactivated_account_is_refused_immediately(people: dict[Role, User]) -> None:
    client = sign_in("viewer@example.org")
    User.objects.filter(email="viewer@example.org").update(is_active=False)
    assert client.get(ME).status_code == 401
    refused = APIClient().post(SIGN_IN, {"email": "viewer@example.org", "password": PASSWORD})
    assert refused.json()["code"] == "SIGN_IN_REFUSED"


def test_a_new_password_ends_old_tokens(people: dict[Role, User]) -> None:
    client = sign_in("viewer@example.org")
    user = people[Role.VIEWER]
    user.set_password("another long password")
    user.save()
    assert client.get(ME).status_code == 401


def test_invalid_fields_are_named() -> None:
    answer = APIClient().post(SIGN_IN, {"email": "no address"})
    assert answer.status_code == 400
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/email", "/password"}


@pytest.mark.parametrize("header", [None, "Bearer nonsense", "Bearer a.b.c"])
def test_request_without_a_valid_token_is_refused(db: None, header: str | None) -> None:
    answer = APIClient().get(ME, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["status"] == 401

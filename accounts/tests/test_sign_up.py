"""People make their own accounts where the settings allow it, and none of them an admin's."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import API, PASSWORD, at_once, bearer, signed_in

SIGN_UP = f"{API}/auth/signup"
KIM = {"email": " Kim@Example.org ", "password": PASSWORD}


def test_one_makes_an_account_and_signs_in(db: None) -> None:
    answer = APIClient().post(SIGN_UP, {**KIM, "name": "Kim"})
    assert answer.status_code == 201
    assert (answer.json()["email"], answer.json()["role"]) == ("kim@example.org", "viewer")
    assert "password" not in answer.json()
    assert bearer(signed_in("kim@example.org")["access"]).get(f"{API}/me").json()["name"] == "Kim"


def test_the_role_is_that_of_the_settings(db: None, settings: Any) -> None:
    settings.SIGN_UP_ROLE = "operator"
    assert APIClient().post(SIGN_UP, KIM).json()["role"] == "operator"


def test_an_admin_cannot_come_of_it(db: None, settings: Any) -> None:
    settings.SIGN_UP_ROLE = "admin"
    answer = APIClient().post(SIGN_UP, KIM)
    assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_NOT_GRANTED")
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["role", "is_active", "is_superuser", "generation", "id"])
def test_nothing_else_is_taken(db: None, field: str) -> None:
    answer = APIClient().post(SIGN_UP, {**KIM, field: "admin"})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]
    assert not User.objects.exists()


def test_it_can_be_off(db: None, settings: Any) -> None:
    settings.SIGN_UP = False
    answer = APIClient().post(SIGN_UP, KIM)
    assert (answer.status_code, answer.json()["code"]) == (403, "SIGN_UP_OFF")
    assert not User.objects.exists()


def test_an_address_has_one_account(people: dict[Role, User]) -> None:
    answer = APIClient().post(SIGN_UP, {"email": "VIEWER@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "EMAIL_TAKEN")


def test_two_at_once_make_one_account(transactional_db: None) -> None:
    answers = at_once(4, lambda _number: APIClient().post(SIGN_UP, KIM).status_code)
    assert sorted(answers) == [201, 409, 409, 409]


@pytest.mark.parametrize("password", ["short", "password123", "1234567890123", "kim@example.org"])
def test_weak_passwords_are_pointed_at(db: None, password: str) -> None:
    answer = APIClient().post(SIGN_UP, {"email": "kim@example.org", "password": password})
    assert answer.status_code == 400
    assert {error["pointer"].split("/")[1] for error in answer.json()["errors"]} == {"password"}


@pytest.mark.parametrize(
    "email",
    [
        "민수@example.org",
        "a@b",
        "x" * 250 + "@example.org",
        "a\0b@example.org",
        "",
        None,
        7,
        [],
        {},
    ],
)
def test_what_is_no_address_is_pointed_at(db: None, email: Any) -> None:
    answer = APIClient().post(SIGN_UP, {"email": email, "password": PASSWORD})
    assert answer.status_code == 400
    assert {error["pointer"].split("/")[1] for error in answer.json()["errors"]} == {"email"}


def test_a_domain_of_other_letters_is_an_address(db: None) -> None:
    assert (
        APIClient().post(SIGN_UP, {"email": "KIM@로봇.한국", "password": PASSWORD}).status_code
        == 201
    )
    assert signed_in("kim@로봇.한국")["email"] == "kim@로봇.한국"

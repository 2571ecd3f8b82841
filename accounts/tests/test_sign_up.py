"""Self sign-up: if enabled, and never as admin."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import API, PASSWORD, bearer_client, run_in_parallel, sign_in

SIGN_UP = f"{API}/auth/signup"
KIM = {"email": " Kim@Example.org ", "password": PASSWORD}


def test_sign_up_and_sign_in(db: None) -> None:
    answer = APIClient().post(SIGN_UP, {**KIM, "name": "Kim"})
    assert answer.status_code == 201
    assert (answer.json()["email"], answer.json()["role"]) == ("kim@example.org", "viewer")
    assert "password" not in answer.json()
    assert (
        bearer_client(sign_in("kim@example.org")["access"]).get(f"{API}/me").json()["name"] == "Kim"
    )


def test_role_is_that_of_the_settings(db: None, settings: Any) -> None:
    settings.SIGN_UP_ROLE = "operator"
    assert APIClient().post(SIGN_UP, KIM).json()["role"] == "operator"


def test_admin_role_is_refused(db: None, settings: Any) -> None:
    settings.SIGN_UP_ROLE = "admin"
    answer = APIClient().post(SIGN_UP, KIM)
    assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_NOT_GRANTED")
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["role", "is_active", "is_superuser", "generation", "id"])
def test_other_fields_are_refused(db: None, field: str) -> None:
    answer = APIClient().post(SIGN_UP, {**KIM, field: "admin"})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"/{field}"]
    assert not User.objects.exists()


def test_sign_up_can_be_disabled(db: None, settings: Any) -> None:
    settings.SIGN_UP = False
    answer = APIClient().post(SIGN_UP, KIM)
    assert (answer.status_code, answer.json()["code"]) == (403, "SIGN_UP_OFF")
    assert not User.objects.exists()


def test_address_in_use_is_refused(people: dict[Role, User]) -> None:
    answer = APIClient().post(SIGN_UP, {"email": "VIEWER@example.org", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (409, "EMAIL_TAKEN")


def test_parallel_sign_ups_make_one_account(transactional_db: None) -> None:
    answers = run_in_parallel(4, lambda _number: APIClient().post(SIGN_UP, KIM).status_code)
    assert sorted(answers) == [201, 409, 409, 409]


@pytest.mark.parametrize("password", ["short", "password123", "1234567890123", "kim@example.org"])
def test_weak_passwords_are_refused(db: None, password: str) -> None:
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
def test_invalid_addresses_are_refused(db: None, email: Any) -> None:
    answer = APIClient().post(SIGN_UP, {"email": email, "password": PASSWORD})
    assert answer.status_code == 400
    assert {error["pointer"].split("/")[1] for error in answer.json()["errors"]} == {"email"}


def test_internationalized_domain_is_accepted(db: None) -> None:
    assert (
        APIClient().post(SIGN_UP, {"email": "KIM@로봇.한국", "password": PASSWORD}).status_code
        == 201
    )
    assert sign_in("kim@로봇.한국")["email"] == "kim@로봇.한국"


def test_repeated_key_signs_up_once(transactional_db: None) -> None:
    def sign_up(_number: int = 0, **changes: str) -> Any:
        return APIClient().post(SIGN_UP, {**KIM, **changes}, headers={"Idempotency-Key": "k"})

    answers = run_in_parallel(4, sign_up)
    assert [answer.status_code for answer in answers] == 4 * [201]
    assert [answer.json() for answer in answers] == 4 * [answers[0].json()]
    assert sum("Idempotent-Replayed" in answer for answer in answers) == 3
    other = sign_up(name="Kim")
    assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert sign_up(email="lee@example.org").status_code == 201
    assert User.objects.count() == 2

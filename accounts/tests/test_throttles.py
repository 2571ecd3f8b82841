"""Rate limits of sign-ins, over the API and in the console."""

from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import API, PASSWORD, SIGN_IN, bearer_client, run_in_parallel, sign_in

FORM = {"email": "nobody@example.org", "password": "x"}


@pytest.fixture(autouse=True)
def slow(settings: Any) -> None:
    # A day: the window does not end during a test, but for one second of midnight.
    settings.CALLER_RATES = {**settings.CALLER_RATES, "sign_in": "3/day", "sign_up": "1/day"}
    settings.AXES_FAILURE_LIMIT = 1000


def test_requests_over_the_limit_are_refused(db: None) -> None:
    codes = [APIClient().post(SIGN_IN, FORM).status_code for _call in range(4)]
    assert codes == [401, 401, 401, 429]
    answer = APIClient().post(SIGN_IN, FORM)
    assert answer.json()["code"] == "THROTTLED"
    assert 0 < int(answer["Retry-After"]) <= 86402


def test_scopes_and_addresses_are_counted_separately(db: None) -> None:
    for _call in range(4):
        APIClient().post(SIGN_IN, FORM)
    elsewhere = APIClient().post(SIGN_IN, FORM, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401
    assert APIClient().post(f"{API}/auth/signup", {}).status_code == 400
    assert APIClient().post(f"{API}/auth/signup", {}).status_code == 429
    assert APIClient().post(f"{API}/auth/verify", {"token": "x"}).status_code == 200


def test_parallel_requests_cannot_exceed_the_limit(transactional_db: None) -> None:
    codes = run_in_parallel(8, lambda _number: APIClient().post(SIGN_IN, {}).status_code)
    assert sorted(codes) == [400] * 3 + [429] * 5


def test_password_changes_are_limited(people: dict[Role, User], settings: Any) -> None:
    client = bearer_client(sign_in("viewer@example.org")["access"])
    codes = [client.post(f"{API}/auth/password/change", {}).status_code for _call in range(3)]
    assert codes == [400, 400, 429]


def test_the_console_counts_with_the_api(people: dict[Role, User]) -> None:
    assert APIClient().post(SIGN_IN, FORM).status_code == 401
    form = {"username": "viewer@example.org", "password": PASSWORD}
    client = Client()
    assert client.post("/admin/login/", {**form, "password": "x"}).status_code == 200
    assert client.post("/admin/login/", form).status_code == 302
    for page in ("/admin/login/", "/admin/password_change/", "/password/reset/MQ/set-password"):
        answer = client.post(page, form)
        assert (answer.status_code, "Try again in" in answer.content.decode()) == (429, True)
        assert 0 < int(answer["Retry-After"]) <= 86402
    assert client.get("/admin/password_change/").status_code == 200
    assert APIClient().post(SIGN_IN, FORM).status_code == 429


def test_the_console_refuses_sign_ins_without_redis(db: None, redis_unavailable: None) -> None:
    client = Client(raise_request_exception=False)
    answer = client.post("/admin/login/", {"username": "a@example.org", "password": "x"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert client.get("/admin/login/").status_code == 200


def test_sign_in_is_refused_without_redis(db: None, redis_unavailable: None) -> None:
    answer = APIClient().post(SIGN_IN, FORM)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")

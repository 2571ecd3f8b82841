"""Nobody calls the doors faster than the settings allow."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import API, SIGN_IN, at_once, bearer, signed_in

FORM = {"email": "nobody@example.org", "password": "x"}


@pytest.fixture(autouse=True)
def slow(settings: Any) -> None:
    # A day: the window does not end during a test, but for one second of midnight.
    settings.CALLER_RATES = {**settings.CALLER_RATES, "sign_in": "3/day", "sign_up": "1/day"}
    settings.AXES_FAILURE_LIMIT = 1000


def test_too_many_calls_are_told_to_wait(db: None) -> None:
    codes = [APIClient().post(SIGN_IN, FORM).status_code for _call in range(4)]
    assert codes == [401, 401, 401, 429]
    answer = APIClient().post(SIGN_IN, FORM)
    assert answer.json()["code"] == "THROTTLED"
    assert 0 < int(answer["Retry-After"]) <= 86402


def test_each_kind_and_each_place_counts_for_itself(db: None) -> None:
    for _call in range(4):
        APIClient().post(SIGN_IN, FORM)
    elsewhere = APIClient().post(SIGN_IN, FORM, REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 401
    assert APIClient().post(f"{API}/auth/signup", {}).status_code == 400
    assert APIClient().post(f"{API}/auth/signup", {}).status_code == 429
    assert APIClient().post(f"{API}/auth/verify", {"token": "x"}).status_code == 200


def test_parallel_calls_do_not_slip_through(transactional_db: None) -> None:
    codes = at_once(8, lambda _number: APIClient().post(SIGN_IN, {}).status_code)
    assert sorted(codes) == [400] * 3 + [429] * 5


def test_password_changes_count_too(people: dict[Role, User], settings: Any) -> None:
    client = bearer(signed_in("viewer@example.org")["access"])
    codes = [client.post(f"{API}/auth/password/change", {}).status_code for _call in range(3)]
    assert codes == [400, 400, 429]


def test_without_redis_nobody_tries(db: None, redis_away: None) -> None:
    answer = APIClient().post(SIGN_IN, FORM)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")

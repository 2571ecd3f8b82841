"""Refresh tokens in cookies, which pages of other sites cannot use."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import API, PASSWORD, REFRESH, SIGN_IN

HERE = "http://testserver"
VIEWER = "viewer@example.org"


@pytest.fixture
def browser(people: dict[Role, User]) -> APIClient:
    client = APIClient(enforce_csrf_checks=True)
    answer = client.post(SIGN_IN, {"email": VIEWER, "password": PASSWORD, "cookie": True})
    assert answer.status_code == 200
    assert answer.json()["refresh"] is None
    return client


def test_cookie_is_httponly_strict_and_limited_to_its_path(browser: APIClient) -> None:
    cookie = browser.cookies["refresh_token"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == f"{API}/auth"
    assert 0 < cookie["max-age"] <= 43200 * 60


def test_cookie_is_secure_with_https(people: dict[Role, User], settings: Any) -> None:
    settings.HTTPS = True
    answer = APIClient().post(SIGN_IN, {"email": VIEWER, "password": PASSWORD, "cookie": True})
    assert answer.cookies["refresh_token"]["secure"] is True


def test_refresh_renews_the_cookie(browser: APIClient) -> None:
    before = browser.cookies["refresh_token"].value
    answer = browser.post(REFRESH, {}, headers={"Origin": HERE})
    assert (answer.status_code, answer.json()["refresh"]) == (200, None)
    assert browser.cookies["refresh_token"].value != before
    assert browser.post(REFRESH, {}, headers={"Origin": HERE}).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://testserver", f"{HERE}.evil.example"]
)
@pytest.mark.parametrize("path", ["refresh", "logout"])
def test_untrusted_origins_are_refused(browser: APIClient, origin: str | None, path: str) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = browser.post(f"{API}/auth/{path}", {}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "ORIGIN_REFUSED")
    assert browser.post(REFRESH, {}, headers={"Origin": HERE}).status_code == 200


@pytest.mark.parametrize("trusted", ["https://portal.example.org", "https://*.example.org"])
def test_trusted_origins_are_accepted(browser: APIClient, settings: Any, trusted: str) -> None:
    settings.CSRF_TRUSTED_ORIGINS = [trusted]
    good = {"Origin": "https://portal.example.org"}
    assert browser.post(REFRESH, {}, headers=good).status_code == 200
    bad = {"Origin": "http://portal.example.org"}
    assert browser.post(REFRESH, {}, headers=bad).status_code == 403


def test_sign_out_deletes_the_cookie(browser: APIClient) -> None:
    before = browser.cookies["refresh_token"].value
    answer = browser.post(f"{API}/auth/logout", {}, headers={"Origin": HERE})
    assert answer.status_code == 204
    cookie = answer.cookies["refresh_token"]
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", 0, f"{API}/auth")
    assert APIClient().post(REFRESH, {"refresh": before}).status_code == 401


def test_token_in_the_body_takes_precedence_and_needs_no_origin(browser: APIClient) -> None:
    token = APIClient().post(SIGN_IN, {"email": VIEWER, "password": PASSWORD}).json()["refresh"]
    answer = browser.post(REFRESH, {"refresh": token})
    assert answer.status_code == 200
    assert answer.json()["refresh"]


def test_missing_token_is_refused(db: None) -> None:
    answer = APIClient().post(REFRESH, {})
    assert (answer.status_code, answer.json()["code"]) == (400, "REFRESH_MISSING")


def test_a_console_session_needs_the_csrf_token(people: dict[Role, User]) -> None:
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(people[Role.VIEWER])
    assert client.get(f"{API}/me").status_code == 200
    assert client.patch(f"{API}/me", {"name": "Kim"}).status_code == 403
    client.get("/admin/password_change/")
    token = client.cookies["csrftoken"].value
    answer = client.patch(f"{API}/me", {"name": "Kim"}, headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json()["name"]) == (200, "Kim")

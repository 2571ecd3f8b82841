"""Invalid requests get problem documents, at every endpoint of this app."""

import json
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from accounts.tests.conftest import API, PASSWORD, SIGN_IN

BODIES = {
    "auth/signup": {"email": "kim@example.org", "password": PASSWORD},
    "auth/signin": {"email": "kim@example.org", "password": PASSWORD},
    "auth/refresh": {"refresh": "x"},
    "auth/logout": {"refresh": "x"},
    "auth/verify": {"token": "x"},
    "auth/password/reset": {"email": "kim@example.org"},
    "auth/password/reset/confirm": {"uid": "x", "token": "x", "password": PASSWORD},
    "auth/password/change": {"current_password": PASSWORD, "password": "another long one"},
    "me/tokens": {"name": "CI", "scopes": ["read"]},
    "users": {"email": "kim@example.org"},
}


@pytest.fixture
def client(people: dict[Role, User]) -> APIClient:
    api_client = APIClient()
    api_client.force_authenticate(people[Role.ADMIN])
    return api_client


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return dict(answer.json())


@pytest.mark.parametrize("url", BODIES)
def test_unknown_field_is_named(client: APIClient, url: str) -> None:
    document = problem(client.post(f"{API}/{url}", {**BODIES[url], "colour": "red"}), 400)
    assert [error["pointer"] for error in document["errors"]] == ["/colour"]
    assert document["errors"][0]["code"] == "UNKNOWN_FIELD"


@pytest.mark.parametrize("url", BODIES)
@pytest.mark.parametrize(
    "body", ["", "{", "[]", "7", '"x"', "null", "\ud83d{".encode("utf-8", "replace")]
)
def test_a_malformed_body_is_refused(client: APIClient, url: str, body: Any) -> None:
    answer = client.post(f"{API}/{url}", body, content_type="application/json")
    if body == "" and url == "auth/logout":
        assert answer.status_code == 204  # nothing to end
    else:
        problem(answer, 400)


@pytest.mark.parametrize("url", BODIES)
def test_another_content_type_is_refused(client: APIClient, url: str) -> None:
    form = "&".join(f"{name}=x" for name in BODIES[url])
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/xml"):
        problem(client.post(f"{API}/{url}", form, content_type=kind), 415)


@pytest.mark.parametrize("url", BODIES)
def test_an_oversized_body_is_refused(client: APIClient, url: str) -> None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = json.dumps({**BODIES[url], "filler": "x" * limit})
    problem(client.post(f"{API}/{url}", body, content_type="application/json"), 413)


@pytest.mark.parametrize("url", BODIES)
@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 100_000, {"a": 1}, [1], None], ids=repr)
def test_invalid_values_are_named(client: APIClient, url: str, value: Any) -> None:
    for name in BODIES[url]:
        body = json.dumps({**BODIES[url], name: value})
        answer = client.post(f"{API}/{url}", body, content_type="application/json")
        document = problem(answer, 400)
        assert all(error["pointer"].startswith(f"/{name}") for error in document["errors"]), (
            name,
            document,
        )


def test_a_huge_password_is_never_hashed(client: APIClient) -> None:
    document = problem(APIClient().post(SIGN_IN, {"email": "a@b.org", "password": "x" * 1025}), 400)
    assert document["errors"][0]["pointer"] == "/password"


def test_password_with_unicode_and_spaces(db: None) -> None:
    password = "  비밀번호 🤖 with blanks  "  # noqa: S105
    form = {"email": "kim@example.org", "password": password}
    assert APIClient().post(f"{API}/auth/signup", form).status_code == 201
    assert APIClient().post(SIGN_IN, form).status_code == 200
    assert APIClient().post(SIGN_IN, {**form, "password": password.strip()}).status_code == 401


@pytest.mark.parametrize("path", ["users/0", "users/999999999999999999", "users/x", "users/1.5"])
def test_unknown_ids_are_not_found(client: APIClient, path: str) -> None:
    for method in ("get", "patch", "delete"):
        problem(getattr(client, method)(f"{API}/{path}"), 404)


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": "0"},
        {"page_size": "x"},
        {"page_size": "9" * 40},
        {"ordering": "password"},
        {"is_active": "x"},
        {"role": "king"},
        {"search": "a\0b"},
    ],
    ids=str,
)
def test_invalid_query_parameters_are_refused(client: APIClient, query: dict[str, str]) -> None:
    problem(client.get(f"{API}/users", query), 400)


@pytest.mark.parametrize("path", ["users", "tokens", "audit", "me/tokens"])
def test_a_forged_cursor_is_not_found(client: APIClient, path: str) -> None:
    for cursor in ("x", "bz0xJnA9eA==", "é", "cD0lMDA="):
        assert client.get(f"{API}/{path}", {"cursor": cursor}).status_code in {404, 200}


@pytest.mark.parametrize("url", BODIES)
def test_unsupported_method_is_refused(client: APIClient, url: str) -> None:
    problem(client.put(f"{API}/{url}", {}), 405)

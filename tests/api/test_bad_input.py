"""Invalid input of any kind is answered by a problem document, at every URL.

Tokens, uploads, idempotency keys and streams have their own tests in their apps.
"""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User

SCHEMA: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
LISTS = sorted(
    path
    for path, methods in SCHEMA["paths"].items()
    if "{" not in path
    and any(
        parameter.get("name") == "cursor"
        for parameter in methods.get("get", {}).get("parameters", [])
    )
)
TAKES_JSON = sorted(
    (path, method)
    for path, methods in SCHEMA["paths"].items()
    for method, operation in methods.items()
    if "{" not in path and "application/json" in operation.get("requestBody", {}).get("content", {})
)
NOTHING_NEEDED = {f"{settings.API_STR}/{name}" for name in ("auth/logout", "auth/refresh", "me")}
"""Without a body the token comes in a cookie, or nothing is changed."""
ONE_OF_EACH = sorted(
    path for path in SCHEMA["paths"] if path.endswith("/{id}") and "sessions" not in path
)


@pytest.fixture
def admin(db: None, empty_redis: None) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create_user("admin@example.org", role=Role.ADMIN))
    return client


def cursor(position: str) -> str:
    """A cursor as pages have them, with a position that was made up."""
    return base64.b64encode(urlencode({"p": position}).encode()).decode()


def problem(answer: Any, *statuses: int) -> dict[str, Any]:
    """The problem document, if it is one."""
    assert answer.status_code in statuses, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = json.loads(answer.content)
    assert found["status"] == answer.status_code
    assert found["code"]
    assert found["detail"]
    return found


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("size", ["0", "-1", "501", "1e3", "9" * 5000, "many", "", "\u0661"])
def test_absurd_page_sizes(admin: APIClient, path: str, size: str) -> None:
    found = problem(admin.get(path, {"page_size": size}), 400)
    assert found["errors"][0]["pointer"] == "/page_size"


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "made_up",
    [
        "x",
        "\0",
        "%",
        "é",
        "A" * 100_000,
        cursor("x"),
        cursor("\0"),
        cursor("9" * 400),
        cursor("-1e9"),
    ],
)
def test_made_up_cursors(admin: APIClient, path: str, made_up: str) -> None:
    for query in ({}, {"ordering": "id"}):
        answer = admin.get(path, {"cursor": made_up, **query})
        if answer.status_code != 200:  # a position that could be one is an empty page
            problem(answer, 400, 404)


@pytest.mark.parametrize("path", LISTS)
def test_filters_of_a_wrong_type(admin: APIClient, path: str) -> None:
    tried = 0
    for parameter in SCHEMA["paths"][path]["get"]["parameters"]:
        kind = parameter.get("schema", {}).get("type")
        if parameter.get("in") == "query" and kind in {"boolean", "integer", "number"}:
            for value in ("x", "", "null", "1e99999", "NaN", "\0", "9" * 400):
                problem(admin.get(path, {parameter["name"]: value}), 400)
                tried += 1
    assert tried


@pytest.mark.parametrize("path", LISTS)
def test_times_that_no_clock_shows(admin: APIClient, path: str) -> None:
    for parameter in SCHEMA["paths"][path]["get"]["parameters"]:
        if parameter.get("schema", {}).get("format") == "date-time":
            for value in ("0001-01-01T00:00:00+14:00", "yesterday", "", "2026-13-01T00:00:00Z"):
                problem(admin.get(path, {parameter["name"]: value}), 400)
            for value in ("0222-03-01T03:23:39-19:48", "8446-12-08T16:57:38+17:26"):
                assert admin.get(path, {parameter["name"]: value}).status_code == 200


@pytest.mark.parametrize("path", LISTS)
def test_nul_in_searches_and_unknown_filters(admin: APIClient, path: str) -> None:
    names = {parameter.get("name") for parameter in SCHEMA["paths"][path]["get"]["parameters"]}
    if "search" in names:
        problem(admin.get(path, {"search": "a\0b"}), 400)
    if "ordering" in names:
        problem(admin.get(path, {"ordering": "password"}), 400)
    if names - {"cursor", "page_size", None}:  # there are filters
        found = problem(admin.get(path, {"no_such_filter": "1"}), 400)
        assert found["errors"][0]["pointer"] == "/no_such_filter"


@pytest.mark.parametrize(("path", "method"), TAKES_JSON)
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"\xff\xfe",
        b"\0",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"\\u0000": 1}',
        b'{"\\ud800": 1}',
        b'{"no_such_field": 1}',
    ],
)
def test_malformed_bodies(admin: APIClient, path: str, method: str, body: bytes) -> None:
    answer = admin.generic(method.upper(), path, body, content_type="application/json")
    if body == b"" and path in NOTHING_NEEDED:
        return
    problem(answer, 400)


@pytest.mark.parametrize(("path", "method"), TAKES_JSON)
def test_unknown_fields_are_refused_by_name(admin: APIClient, path: str, method: str) -> None:
    answer = admin.generic(
        method.upper(), path, b'{"no_such_field": 1}', content_type="application/json"
    )
    pointers = {error["pointer"]: error["code"] for error in problem(answer, 400)["errors"]}
    assert pointers["/no_such_field"] == "UNKNOWN_FIELD"


@pytest.mark.parametrize(("path", "method"), TAKES_JSON)
def test_oversized_bodies(admin: APIClient, path: str, method: str) -> None:
    body = b'{"name": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}'
    for headers in ({}, {"Idempotency-Key": "large"}):
        answer = admin.generic(
            method.upper(), path, body, content_type="application/json", headers=headers
        )
        problem(answer, 413)


@pytest.mark.parametrize(("path", "method"), TAKES_JSON)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "multipart/form-data", "nonsense"]
)
def test_wrong_content_types(admin: APIClient, path: str, method: str, kind: str) -> None:
    for headers in ({}, {"Idempotency-Key": "odd"}):
        answer = admin.generic(method.upper(), path, b"<a/>", content_type=kind, headers=headers)
        problem(answer, 415)


@pytest.mark.parametrize("path", ONE_OF_EACH)
@pytest.mark.parametrize("row", ["0", "9" * 18, "9" * 19, "-1", "1.5", "x", "%00", "1%2F2"])
def test_rows_that_cannot_be(admin: APIClient, path: str, row: str) -> None:
    for method in SCHEMA["paths"][path]:
        address = path.replace("{id}", row)
        answer = admin.generic(method.upper(), address, b"{}", content_type="application/json")
        problem(answer, 404)


@pytest.mark.parametrize("path", LISTS)
def test_methods_that_an_address_does_not_have(admin: APIClient, path: str) -> None:
    answer = admin.generic("TRACE", path)
    problem(answer, 405)
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", LISTS)
def test_forms_of_answers_that_there_are_not(admin: APIClient, path: str) -> None:
    problem(admin.get(path, headers={"accept": "image/png"}), 406)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "a\0b"}, "/name"),
        ({"name": "\ud800"}, "/name"),
        ({"name": 7}, "/name"),
        ({"node_selector": {"zone": 7}}, "/node_selector/zone"),
        ({"tolerations": [{"key": 7}]}, "/tolerations/0/key"),
        ({"tolerations": {"key": "robots"}}, "/tolerations"),
        ({"domain_id": "7"}, "/domain_id"),
        ({"domain_id": True}, "/domain_id"),
        ({"domain_id": 10**30}, "/domain_id"),
        ({"enabled": "yes"}, "/enabled"),
        ({"enabled": 1}, "/enabled"),
        ({"transport": ["null"]}, "/transport"),
        ({"transport": "\ud800"}, "/transport"),
    ],
)
def test_values_are_taken_for_what_they_are(admin: APIClient, body: Any, pointer: str) -> None:
    mec = {"slug": "hall", "name": "Hall", **body}
    text = json.dumps(mec).encode()
    answer = admin.generic(
        "POST", f"{settings.API_STR}/mecs", text, content_type="application/json"
    )
    assert [error["pointer"] for error in problem(answer, 400)["errors"]] == [pointer]


@pytest.mark.parametrize("path", LISTS)
def test_a_search_for_more_words_than_a_database_takes(admin: APIClient, path: str) -> None:
    answer = admin.get(path, {"search": " ".join(f"w{number}" for number in range(1200))})
    if answer.status_code != 200:  # where nothing is searched, the words are passed over
        assert problem(answer, 400)["errors"][0]["pointer"] == "/search"

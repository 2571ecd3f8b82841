"""Upload sessions against requests that are wrong, too large, or come at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import IdempotencyKey, User
from common.recovery import recover
from storage.choices import Status
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import StoreError
from storage.tests.test_sessions import URL, begin, one_file, put, signed_in

FILE = {"path": "a.db3", "size": 5, "sha256": "0" * 64}


@pytest.fixture
def operator(db: None) -> APIClient:
    return signed_in(Role.OPERATOR)


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({}, 400, "/files"),
        ({"files": []}, 400, "/files"),
        ({"files": [FILE], "colour": "red"}, 400, "/colour"),
        ({"files": [{**FILE, "colour": "red"}]}, 400, "/files/0/colour"),
        ({"files": [{**FILE, "path": "a\0b"}]}, 400, "/files/0/path"),
        ({"files": [FILE], "name": "a\0b"}, 400, "/name"),
        ({"files": [FILE], "name": "x" * 201}, 400, "/name"),
        ({"files": [{**FILE, "path": "../a"}]}, 422, "/files/0/path"),
        ({"files": [{**FILE, "path": "/etc/passwd"}]}, 422, "/files/0/path"),
        ({"files": [{**FILE, "path": "C:\\a"}]}, 422, "/files/0/path"),
        ({"files": [FILE, FILE]}, 422, "/files/0/path"),
        ({"files": [{**FILE, "size": -1}]}, 400, "/files/0/size"),
        ({"files": [{**FILE, "size": 10**30}]}, 400, "/files/0/size"),
        ({"files": [{**FILE, "size": "five"}]}, 400, "/files/0/size"),
        ({"files": [{**FILE, "size": 5.5}]}, 400, "/files/0/size"),
        ({"files": [{**FILE, "sha256": "abc"}]}, 400, "/files/0/sha256"),
        ({"files": [{**FILE, "sha256": "A" * 64}]}, 400, "/files/0/sha256"),
        ({"files": [{**FILE, "path": f"{n}"} for n in range(10_002)]}, 400, "/files"),
        ({"files": "a.db3"}, 400, "/files"),
        ({"files": ["a.db3"]}, 400, "/files/0"),
        ([FILE], 400, ""),
    ],
)
def test_invalid_new_uploads_are_refused(
    operator: APIClient, body: Any, status: int, pointer: str
) -> None:
    answer = operator.post(URL, body)
    assert answer.status_code == status, answer.content
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert not Rosbag.objects.exists()


def test_other_content_types_are_refused(operator: APIClient) -> None:
    assert operator.post(URL, "name=a", content_type="text/plain").status_code == 415
    assert operator.post(URL, {"name": "a"}, format="multipart").status_code == 415


def test_malformed_json_is_refused(operator: APIClient) -> None:
    for body in ('{"files": ', "\xff", "{}{}"):
        answer = operator.post(URL, body, content_type="application/json")
        assert answer.status_code == 400


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
def test_oversized_bodies_are_refused(
    operator: APIClient, settings: Any, headers: dict[str, str]
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    body = json.dumps({"files": [FILE], "name": "x" * 1000})
    answer = operator.post(URL, body, content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("file=a.db3&after=-1", 400),
        ("file=a.db3&limit=0", 400),
        ("file=a.db3&limit=1001", 400),
        ("file=a.db3&after=99999999999999999999", 400),
        ("file=a.db3&after=x", 400),
        ("file=a%00b", 400),
        ("file=b.db3", 404),
        ("file=../a.db3", 404),
    ],
)
def test_invalid_address_queries_are_refused(operator: APIClient, query: str, status: int) -> None:
    data = one_file(operator, b"small")
    assert operator.get(f"{URL}/{data['id']}/parts?{query}").status_code == status


def test_one_file_of_a_session(operator: APIClient) -> None:
    data = begin(operator, [FILE, {**FILE, "path": "b.db3"}])
    only = operator.get(f"{URL}/{data['id']}?file=b.db3").json()
    assert [file["path"] for file in only["files"]] == ["b.db3"]
    assert operator.get(f"{URL}/{data['id']}?file=c").status_code == 404
    assert operator.get(f"{URL}/{data['id']}?file=a%00").status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"colour": "red"},
        {"files": [{"path": "a.db3"}]},
        {"files": [{"path": "a.db3", "parts": [{"number": 0, "etag": "x"}]}]},
        {"files": [{"path": "a.db3", "parts": [{"number": 1, "etag": "x\0"}]}]},
        {"files": [{"path": "a.db3", "parts": [{"number": 1, "etag": "x", "size": 3}]}]},
        {"files": [{"path": "a.db3", "parts": [{"number": 10**20, "etag": "x"}]}]},
    ],
)
def test_invalid_completions_are_refused(operator: APIClient, body: Any) -> None:
    data = one_file(operator, b"small")
    put(data["addresses"][0]["parts"][0]["url"], b"small")
    assert operator.post(f"{URL}/{data['id']}/complete", body).status_code == 400
    assert Rosbag.objects.get().status == Status.UPLOADING


def test_repeated_idempotency_key_starts_one_upload(operator: APIClient) -> None:
    answers = [
        operator.post(URL, {"files": [FILE]}, headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert Rosbag.objects.count() == 1
    put(answers[1].json()["addresses"][0]["parts"][0]["url"], b"small")
    row = IdempotencyKey.objects.get()
    assert (row.answer, list(row.headers)) == ({"id": Rosbag.objects.get().pk}, ["Location"])
    operator.delete(answers[0]["Location"])
    again = operator.post(URL, {"files": [FILE]}, headers={"Idempotency-Key": "k"})
    assert (again.status_code, again.json()["code"]) == (410, "UPLOAD_ABORTED")
    other = operator.post(URL, {"files": [FILE], "name": "b"}, headers={"Idempotency-Key": "k"})
    assert other.status_code == 422


def test_storage_outage_keeps_the_upload_open(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = one_file(operator, b"small")

    def away(*_args: Any) -> None:
        raise StoreError("away")

    with monkeypatch.context() as patch:
        patch.setattr(type(object_store()), "abort_upload", away)
        assert operator.delete(f"{URL}/{data['id']}").status_code == 503
    assert operator.get(f"{URL}/{data['id']}").json()["state"] == "open"
    assert operator.delete(f"{URL}/{data['id']}").status_code == 204


@pytest.mark.skipif(connection.vendor == "sqlite", reason="threads of one test share no SQLite")
@pytest.mark.django_db(transaction=True)
def test_concurrent_completions_verify_once() -> None:
    user = User.objects.create(email="o@example.org", role=Role.OPERATOR)
    client = APIClient()
    client.force_authenticate(user)
    data = one_file(client, b"small")
    put(data["addresses"][0]["parts"][0]["url"], b"small")

    def complete(_number: int) -> tuple[int, int]:
        mine = APIClient()
        mine.force_authenticate(user)
        try:
            answer = mine.post(f"{URL}/{data['id']}/complete", {})
            return answer.status_code, answer.json()["id"]
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(complete, range(4)))
    assert answers == {(202, data["id"])}
    assert DBTaskResult.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_stale_uploads_are_aborted_by_recovery() -> None:
    client = signed_in(Role.OPERATOR)
    old, new = one_file(client, b"old"), one_file(client, b"new")
    yesterday = timezone.now() - timedelta(days=1, minutes=1)
    Rosbag.objects.update(created_at=yesterday)
    Rosbag.objects.filter(pk=old["id"]).update(enqueued_at=yesterday)
    recover()
    recover()
    assert DBTaskResult.objects.count() == 1
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0, stdout=StringIO())
    assert client.get(f"{URL}/{old['id']}").status_code == 410
    assert client.get(f"{URL}/{new['id']}").status_code == 200  # somebody asked for addresses


def test_query_count_is_independent_of_parts(
    operator: APIClient, settings: Any, django_assert_max_num_queries: Any
) -> None:
    settings.UPLOAD_PART_BYTES = 5
    with django_assert_max_num_queries(11):  # one reads a content type, which is then cached
        data = one_file(operator, b"x" * 5000)
    assert sum(len(file["parts"]) for file in data["addresses"]) == 1000
    with django_assert_max_num_queries(4):
        operator.get(f"{URL}/{data['id']}")
    with django_assert_max_num_queries(3):
        assert len(operator.get(f"{URL}/{data['id']}/parts?file=a.db3").json()["parts"]) == 500
    with django_assert_max_num_queries(1):
        operator.get(URL)


def test_query_count_with_many_files(
    operator: APIClient, django_assert_max_num_queries: Any
) -> None:
    files = [{**FILE, "path": f"{number}.db3"} for number in range(100)]
    data = begin(operator, files)
    assert len(data["addresses"]) == 100
    with django_assert_max_num_queries(4):
        operator.get(f"{URL}/{data['id']}")


@pytest.mark.parametrize("paths", [("a", "a/b"), ("a/b", "a"), ("a/b", "a/b/c/d")])
def test_path_is_not_both_file_and_folder(operator: APIClient, paths: tuple[str, str]) -> None:
    body = {"files": [{"path": path, "size": 0} for path in paths]}
    answer = operator.post(URL, body, format="json")
    assert answer.status_code == 422, answer.content
    assert [error["code"] for error in answer.json()["errors"]] == ["FILE_NAME_INVALID"]
    assert not Rosbag.objects.exists()


def test_total_number_of_parts_is_limited(operator: APIClient) -> None:
    files = [{"path": f"{number}.db3", "size": 5 * 2**40} for number in range(6)]
    answer = operator.post(URL, {"files": files}, format="json")
    assert answer.status_code == 422, answer.content
    assert not Rosbag.objects.exists()
    assert operator.post(URL, {"files": files[:5]}, format="json").status_code == 201

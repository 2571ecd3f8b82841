"""Upload sessions over HTTP, on a folder and on S3: from the first part to the verdict."""

import base64
import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.test import Client
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from storage.choices import Status
from storage.models import Rosbag
from storage.objects.base import ObjectStore
from storage.services.intake import imports
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
URL = "/api/v1/uploads"
PART = 5 * 2**20
BIG = bytes(range(256)) * (PART // 256) * 2 + b"the rest"


def signed_in(role: Role, name: str = "") -> APIClient:
    client = APIClient()
    email = f"{name or role}@example.org"
    client.force_authenticate(User.objects.create(email=email, role=role))
    return client


@pytest.fixture
def operator(settings: Any) -> APIClient:
    settings.UPLOAD_PART_BYTES = PART
    return signed_in(Role.OPERATOR)


def put(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Upload a part like a client.

    Returns:
        Status and ETag.
    """
    if url.startswith("/"):
        answer: Any = Client().put(url, body, "application/octet-stream", headers=headers)
        return answer.status_code, answer.headers.get("ETag", "")
    answer = urllib3.request("PUT", url, body=body, headers=headers)
    return answer.status, answer.headers.get("ETag", "")


def described(folder: Path, *, checksums: bool = True) -> list[dict[str, Any]]:
    files = []
    for path in sorted(folder.iterdir()):
        file = {"path": path.name, "size": path.stat().st_size}
        if checksums:
            file["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append(file)
    return files


def begin(client: APIClient, files: list[dict[str, Any]]) -> dict[str, Any]:
    answer = client.post(URL, {"name": "course", "files": files})
    assert answer.status_code == 201, answer.content
    assert answer["Location"].endswith(f"{URL}/{answer.json()['id']}")
    return dict(answer.json())


def one_file(client: APIClient, body: bytes = BIG, sha256: str | None = None) -> dict[str, Any]:
    checksum = sha256 or hashlib.sha256(body).hexdigest()
    return begin(client, [{"path": "a.db3", "size": len(body), "sha256": checksum}])


def send_addressed(data: dict[str, Any], folder: Path) -> None:
    for file in data["addresses"]:
        body = (folder / file["path"]).read_bytes()
        for part in file["parts"]:
            span = body[part["offset"] : part["offset"] + part["size"]]
            assert put(part["url"], span)[0] == 200


def test_uploaded_bundle_is_verified(
    store: ObjectStore, operator: APIClient, make_bag: MakeBag
) -> None:
    folder = make_bag(messages=7)
    (folder / "bag_0.db3-wal").touch()
    data = begin(operator, described(folder))
    assert (data["state"], data["stored_bytes"], data["part_etag"]) == (
        "open",
        0,
        store.etag_algorithm,
    )
    send_addressed(data, folder)
    state = operator.get(f"{URL}/{data['id']}").json()
    assert state["stored_bytes"] == state["size"] == sum(file["size"] for file in state["files"])
    first, second = (operator.post(f"{URL}/{data['id']}/complete", {}) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"] == data["id"]
    rosbag = verifier.run(data["id"])
    assert (rosbag.status, rosbag.message_count, rosbag.name) == (Status.READY, 7, "course")
    done = operator.get(f"{URL}/{data['id']}").json()
    assert (done["state"], done["rosbag"]["status"], done["addresses"]) == (
        "completed",
        "ready",
        [],
    )


def test_upload_resumes(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator)
    [parts] = [file["parts"] for file in data["addresses"]]
    assert [(part["number"], part["size"]) for part in parts] == [(1, PART), (2, PART), (3, 8)]
    assert put(parts[2]["url"], b"the rest")[0] == 200  # out of order
    answer = operator.post(f"{URL}/{data['id']}/complete", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "UPLOAD_INCOMPLETE")
    assert answer.json()["errors"][0]["pointer"] == "/files/a.db3"
    assert "1-2" in answer.json()["errors"][0]["detail"]
    state = operator.get(f"{URL}/{data['id']}").json()
    assert (state["files"][0]["missing"], state["stored_bytes"]) == ([[1, 2]], 8)
    sent = []
    for part in state["addresses"][0]["parts"]:
        put(part["url"], b"other" + bytes(PART - 5))
        span = BIG[part["offset"] : part["offset"] + part["size"]]
        status, etag = put(part["url"], span)  # repeated: the one whose ETag is named counts
        assert status == 200
        sent.append({"number": part["number"], "etag": etag})
    body = {"files": [{"path": "a.db3", "parts": sent[::-1]}]}
    assert operator.post(f"{URL}/{data['id']}/complete", body).status_code == 202
    verifier.run(data["id"])
    assert Rosbag.objects.get().code != "CHECKSUM_MISMATCH"
    with store.open(f"rosbags/{data['id']}/a.db3") as stored:
        assert hashlib.file_digest(stored, "sha256").digest() == hashlib.sha256(BIG).digest()


def test_leftover_object_is_no_finished_upload(store: ObjectStore, operator: APIClient) -> None:
    rosbag = Rosbag.objects.create(name="gives the next id")
    store.put(f"rosbags/{rosbag.pk + 1}/a.db3", io.BytesIO(b"older"))
    data = one_file(operator, b"newer")
    assert data["id"] == rosbag.pk + 1
    assert data["files"][0]["missing"] == [[1, 1]]
    assert operator.post(f"{URL}/{data['id']}/complete", {}).status_code == 409
    put(data["addresses"][0]["parts"][0]["url"], b"newer")
    assert operator.post(f"{URL}/{data['id']}/complete", {}).status_code == 202
    verifier.run(data["id"])
    with store.open(f"rosbags/{data['id']}/a.db3") as stored:
        assert stored.read() == b"newer"


def test_addresses_are_paginated(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator)
    url = f"{URL}/{data['id']}/parts?file=a.db3&limit=2"
    first = operator.get(url).json()
    assert ([part["number"] for part in first["parts"]], first["next_after"]) == ([1, 2], 2)
    second = operator.get(f"{url}&after=2").json()
    assert ([part["number"] for part in second["parts"]], second["next_after"]) == ([3], None)
    assert put(second["parts"][0]["url"], b"the rest")[0] == 200
    assert operator.get(f"{url}&after=2").json()["parts"] == []


def test_part_of_another_size_is_ignored(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator)
    status, _etag = put(data["addresses"][0]["parts"][2]["url"], b"too many bytes")
    assert status == (400 if store.etag_algorithm == "sha256" else 200)  # S3 takes what it gets
    state = operator.get(f"{URL}/{data['id']}").json()
    assert state["files"][0]["missing"] == [[1, 3]]


def test_part_with_another_checksum_is_refused(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator)
    url = data["addresses"][0]["parts"][2]["url"]
    md5 = base64.b64encode(hashlib.md5(b"the rest").digest()).decode()  # noqa: S324
    assert put(url, b"the_rest", {"Content-MD5": md5})[0] == 400
    assert operator.get(f"{URL}/{data['id']}").json()["stored_bytes"] == 0
    assert put(url, b"the rest", {"Content-MD5": md5})[0] == 200
    assert operator.get(f"{URL}/{data['id']}").json()["stored_bytes"] == 8


def test_etags_are_compared(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator, b"small")
    _status, etag = put(data["addresses"][0]["parts"][0]["url"], b"small")
    assert etag.strip('"') == hashlib.new(data["part_etag"], b"small").hexdigest()
    other = hashlib.new(data["part_etag"], b"other").hexdigest()
    for etags, status in ((f'"{other}"', 409), (etag, 202)):
        body = {"files": [{"path": "a.db3", "parts": [{"number": 1, "etag": etags}]}]}
        assert operator.post(f"{URL}/{data['id']}/complete", body).status_code == status


def test_content_with_another_checksum_is_rejected(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator, b"small", hashlib.sha256(b"other").hexdigest())
    put(data["addresses"][0]["parts"][0]["url"], b"small")
    assert operator.post(f"{URL}/{data['id']}/complete", {}).status_code == 202
    rosbag = verifier.run(data["id"])
    assert (rosbag.status, rosbag.code) == (Status.REJECTED, "CHECKSUM_MISMATCH")
    assert "a.db3" in rosbag.sentence


def test_checksums_are_optional(store: ObjectStore, operator: APIClient, make_bag: MakeBag) -> None:
    folder = make_bag()
    data = begin(operator, described(folder, checksums=False))
    send_addressed(data, folder)
    operator.post(f"{URL}/{data['id']}/complete", {})
    rosbag = verifier.run(data["id"])
    assert rosbag.status == Status.READY
    assert set(rosbag.files.values_list("path", "sha256")) == {
        (file["path"], file["sha256"]) for file in described(folder)
    }
    assert imports.import_folder(folder).pk == rosbag.pk
    again = begin(operator, described(folder, checksums=False))
    send_addressed(again, folder)
    operator.post(f"{URL}/{again['id']}/complete", {})
    duplicate = verifier.run(again["id"])
    assert duplicate.warnings[0]["code"] == "SAME_CONTENT"
    assert duplicate.status == Status.READY_WITH_WARNINGS


def test_stored_content_needs_no_upload(operator: APIClient, make_bag: MakeBag) -> None:
    folder = make_bag()
    rosbag = stored_bag(folder)
    answer = operator.post(URL, {"files": described(folder)})
    assert answer.status_code == 200
    data = answer.json()
    assert (data["rosbag"]["id"], data["state"], data["addresses"]) == (rosbag.pk, "completed", [])


def test_content_stored_in_the_meantime_is_returned(
    store: ObjectStore, operator: APIClient, make_bag: MakeBag
) -> None:
    folder = make_bag()
    data = begin(operator, described(folder))
    send_addressed(data, folder)
    first = imports.import_folder(folder)
    answers = [operator.post(f"{URL}/{data['id']}/complete", {}).json() for _ in range(2)]
    assert [answer["id"] for answer in answers] == [first.pk, first.pk]
    assert operator.get(f"{URL}/{data['id']}").json()["rosbag"]["id"] == first.pk
    assert list(store.list(f"rosbags/{data['id']}/")) == []


def test_aborted_upload(store: ObjectStore, operator: APIClient) -> None:
    data = one_file(operator)
    url = data["addresses"][0]["parts"][2]["url"]
    put(url, b"the rest")
    assert operator.delete(f"{URL}/{data['id']}").status_code == 204
    assert put(url, b"the rest")[0] == 404
    calls = [
        operator.get(f"{URL}/{data['id']}"),
        operator.delete(f"{URL}/{data['id']}"),
        operator.post(f"{URL}/{data['id']}/complete", {}),
        operator.get(f"{URL}/{data['id']}/parts?file=a.db3"),
        operator.post(f"/api/v1/rosbags/{data['id']}/restore"),
    ]
    assert [(call.status_code, call.json()["code"]) for call in calls] == [
        (410, "UPLOAD_ABORTED")
    ] * 5
    assert list(store.list("rosbags/")) == []
    assert operator.get(URL).json()["results"] == []


def test_completed_upload_is_deleted_as_a_rosbag(operator: APIClient) -> None:
    data = one_file(operator, b"small")
    put(data["addresses"][0]["parts"][0]["url"], b"small")
    operator.post(f"{URL}/{data['id']}/complete", {})
    answer = operator.delete(f"{URL}/{data['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "UPLOAD_CLOSED")
    assert operator.get(f"{URL}/{data['id']}/parts?file=a.db3").status_code == 409
    assert Rosbag.objects.living().exists()
    assert operator.delete(f"/api/v1/rosbags/{data['id']}").status_code == 204
    assert operator.get(f"{URL}/{data['id']}").status_code == 404


def test_only_the_creator_and_admins_continue_an_upload(operator: APIClient) -> None:
    data = one_file(operator)
    other = signed_in(Role.OPERATOR, "other")
    assert other.get(f"{URL}/{data['id']}").json()["code"] == "UPLOAD_NOT_YOURS"
    assert other.post(f"{URL}/{data['id']}/complete", {}).status_code == 403
    assert other.delete(f"{URL}/{data['id']}").status_code == 403
    assert other.get(URL).json()["results"] == []
    admin = signed_in(Role.ADMIN)
    assert [item["id"] for item in admin.get(URL).json()["results"]] == [data["id"]]
    assert admin.get(f"{URL}/{data['id']}").status_code == 200
    assert signed_in(Role.VIEWER).get(f"{URL}/{data['id']}").status_code == 403


def test_other_rosbags_are_no_upload_sessions(operator: APIClient, make_bag: MakeBag) -> None:
    rosbag = imports.import_folder(make_bag())
    for pk in (rosbag.pk, 999999999999999999):
        assert operator.get(f"{URL}/{pk}").json()["code"] == "UPLOAD_NOT_FOUND"
        assert operator.post(f"{URL}/{pk}/complete", {}).status_code == 404

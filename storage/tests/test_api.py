"""Rosbags over HTTP."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from accounts.choices import Role
from accounts.models import User
from rosbag2.budget import MAX_FILES
from storage.choices import Status
from storage.models import Rosbag
from storage.services.intake import imports
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
URL = "/api/v1/rosbags"


def signed_in(role: Role) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(email=f"{role}@example.org", role=role))
    return client


@pytest.fixture
def operator() -> APIClient:
    return signed_in(Role.OPERATOR)


@pytest.fixture
def rosbag(make_bag: MakeBag) -> Rosbag:
    return stored_bag(make_bag())


def parts_of(folder: Any) -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]


def test_a_small_bundle_in_one_request(operator: APIClient, make_bag: MakeBag) -> None:
    files = parts_of(make_bag())
    answer = operator.post(URL, {"name": "course", "files": files}, format="multipart")
    assert answer.status_code == 202, answer.content
    data = answer.json()
    assert (data["name"], data["status"], data["usable"]) == ("course", "verifying", False)
    assert data["created_by"] == "operator@example.org"
    assert verifier.run(data["id"]).status == Status.READY


def test_repeated_idempotency_key_stores_one_rosbag(operator: APIClient, make_bag: MakeBag) -> None:
    folder = make_bag()
    headers = {"Idempotency-Key": "one"}
    first, second = (
        operator.post(URL, {"files": parts_of(folder)}, format="multipart", headers=headers)
        for _ in range(2)
    )
    assert first.json()["id"] == second.json()["id"]
    assert Rosbag.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": "x" * 201, "files": [SimpleUploadedFile("a", b"x")]}, 400),
        ({"files": [SimpleUploadedFile("a", b"x"), SimpleUploadedFile("a", b"y")]}, 422),
        ({"files": "no file"}, 400),
    ],
)
def test_invalid_forms_are_refused(operator: APIClient, body: Any, status: int) -> None:
    answer = operator.post(URL, body, format="multipart")
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"].startswith(
        "/files" if "name" not in body else "/name"
    )
    assert not Rosbag.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "one"}])
def test_large_forms_are_refused_with_a_hint_to_uploads(
    operator: APIClient, settings: Any, headers: dict[str, str]
) -> None:
    settings.UPLOAD_FORM_BYTES = 1000
    files = [SimpleUploadedFile("a.db3", b"x" * 1000)]
    answer = operator.post(URL, {"files": files}, format="multipart", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LARGE")
    assert "POST /api/v1/uploads" in answer.json()["detail"]


def test_forms_have_as_many_files_as_bundles(operator: APIClient, settings: Any) -> None:
    assert settings.DATA_UPLOAD_MAX_NUMBER_FILES == MAX_FILES + 1  # with metadata.yaml
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 3
    files = [SimpleUploadedFile(f"{number}", b"x") for number in range(4)]
    answer = operator.post(URL, {"files": files}, format="multipart")
    assert answer.status_code == 413
    assert "ros2 bag convert" in answer.json()["detail"]
    assert not Rosbag.objects.exists()


def test_bundles_are_accepted_as_forms_only(operator: APIClient, rosbag: Rosbag) -> None:
    assert operator.post(URL, {"name": "a"}).status_code == 415
    assert operator.post(URL, b"PK", content_type="application/zip").status_code == 415
    assert (
        operator.patch(f"{URL}/{rosbag.pk}", {"name": "a"}, format="multipart").status_code == 415
    )
    body = b"--x\r\nContent-Disposition: form-data; name=files"
    malformed = operator.post(URL, body, content_type="multipart/form-data; boundary=x")
    assert malformed.status_code == 400
    assert operator.post(URL, body, content_type="multipart/form-data").status_code == 400


def test_unknown_fields_of_a_form_are_named(operator: APIClient, make_bag: MakeBag) -> None:
    body = {"files": parts_of(make_bag()), "colour": "red"}
    answer = operator.post(URL, body, format="multipart")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/colour"


def test_list_query_count_is_constant(
    operator: APIClient, rosbag: Rosbag, make_bag: MakeBag, django_assert_num_queries: Any
) -> None:
    for number in range(3):
        stored_bag(make_bag(f"b{number}", messages=number))
    with django_assert_num_queries(1):
        answer = operator.get(URL)
    assert [item["name"] for item in answer.json()["results"]] == ["b2", "b1", "b0", "bag"]
    assert answer.json()["results"][2]["code"] == "EMPTY"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=ready", ["bag"]),
        ("status=ready&status=verifying", ["new", "bag"]),
        ("status=verifying", ["new"]),
        ("name=NE", ["new"]),
        ("topic=/odom", ["bag"]),
        ("origin=recorded", []),
        ("ordering=name", ["bag", "new"]),
    ],
)
def test_list_filters(
    operator: APIClient, rosbag: Rosbag, make_bag: MakeBag, query: str, names: list[str]
) -> None:
    imports.import_folder(make_bag("new", messages=9))
    data = operator.get(f"{URL}?{query}").json()["results"]
    assert [item["name"] for item in data] == names


def test_detail_has_topics(
    operator: APIClient, rosbag: Rosbag, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(2):
        data = operator.get(f"{URL}/{rosbag.pk}").json()
    odom = next(topic for topic in data["topics"] if topic["name"] == "/odom")
    assert (odom["type"], odom["message_count"]) == ("nav_msgs/msg/Odometry", 5)
    assert len(odom["histogram"]) == 200


def test_files_can_be_downloaded(operator: APIClient, rosbag: Rosbag) -> None:
    for file in operator.get(f"{URL}/{rosbag.pk}/files").json():
        body = b"".join(APIClient().get(file["url"]))
        assert len(body) == file["size"]


def test_rejected_rosbag_has_code_and_sentence(operator: APIClient, make_bag: MakeBag) -> None:
    folder = make_bag()
    next(folder.glob("*.db3")).unlink()
    rosbag = stored_bag(folder)
    data = operator.get(f"{URL}/{rosbag.pk}").json()
    assert (data["status"], data["code"]) == ("rejected", "FILE_MISSING")
    assert "metadata.yaml" in data["sentence"]


def test_verify_again(operator: APIClient, rosbag: Rosbag) -> None:
    answer = operator.post(f"{URL}/{rosbag.pk}/verify")
    assert (answer.status_code, answer.json()["status"]) == (202, "verifying")
    Rosbag.objects.update(status=Status.UPLOADING)
    answer = operator.post(f"{URL}/{rosbag.pk}/verify")
    assert (answer.status_code, answer.json()["code"]) == (409, "ROSBAG_UPLOADING")


def test_delete(operator: APIClient, rosbag: Rosbag) -> None:
    assert operator.delete(f"{URL}/{rosbag.pk}").status_code == 204
    assert operator.get(f"{URL}/{rosbag.pk}").status_code == 404
    assert operator.get(f"{URL}/999999999999999999").status_code == 404
    assert operator.get(f"{URL}/x").status_code == 404


@pytest.mark.parametrize(
    "path", ["rosbags", "rosbags/1", "rosbags/1/verify", "uploads", "uploads/1"]
)
def test_options_requests_are_answered(operator: APIClient, path: str) -> None:
    assert operator.options(f"/api/v1/{path}").status_code in (200, 404)


def test_viewers_read_and_anonymous_users_do_not(rosbag: Rosbag) -> None:
    viewer = signed_in(Role.VIEWER)
    assert viewer.get(f"{URL}/{rosbag.pk}/files").status_code == 200
    assert viewer.delete(f"{URL}/{rosbag.pk}").status_code == 403
    assert viewer.post(f"{URL}/{rosbag.pk}/verify").status_code == 403
    assert viewer.post(URL, {}, format="multipart").status_code == 403
    assert APIClient().get(URL).status_code == 401

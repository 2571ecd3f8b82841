"""Addresses that name nothing are not found: no part of one reaches file system, S3 or database as it is."""

import io
from typing import Any
from urllib.parse import quote

import pytest
from django.core import signing
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.grants import PATH, SALT

NAMES = ["a\0b", "x" * 256, "x" * 5000, "..", "../x", "a//b", "/etc/passwd", "a\\b", "", "."]
SURROGATE = "\ud800"
UPLOAD = "0" * 32
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "grants",
    [
        [{"key": k} for k in [*NAMES, SURROGATE, "rosbags", "rosbags/1", "rosbags/1/a.db3/b"]],
        [{"key": key, "upload_id": UPLOAD, "number": 1} for key in [*NAMES, SURROGATE]],
        [{"key": "a", "upload_id": upload, "number": 1} for upload in [*NAMES, SURROGATE]],
        [{"key": "a", "upload_id": UPLOAD, "number": number} for number in (-1, 0, 10**30)],
    ],
    ids=["reads", "keys of parts", "uploads", "numbers"],
)
def test_signed_but_impossible(client: Client, grants: list[dict[str, Any]]) -> None:
    object_store().put("rosbags/1/a.db3", io.BytesIO(b"x"))
    for grant in grants:
        url = PATH + signing.dumps(grant, salt=SALT)
        found = {method: client.generic(method, url, b"x").status_code for method in METHODS}
        own = "PUT" if "upload_id" in grant else "GET"
        assert found.pop(own) == 404, grant
        assert max(found.values()) < 500, grant


@pytest.mark.django_db
def test_parts_of_addresses() -> None:
    client = APIClient(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("admin@example.org", "long-enough-7"))
    rosbag = Rosbag.objects.create(name="bag", status="ready")
    places = [
        f"/api/v1/rosbags/{rosbag.pk}/files/{{}}",
        f"/api/v1/rosbags/{rosbag.pk}/series?topic={{}}&field={{}}",
        f"/api/v1/rosbags/{rosbag.pk}/messages?topic={{}}",
        f"/api/v1/rosbags/{rosbag.pk}/thumbnails?topic={{}}",
        f"/admin/storage/rosbag/{rosbag.pk}/preview/?topic={{}}&field={{}}",
        "/api/v1/me/sessions/{}",
        "/storage/objects/{}",
        "/password/reset/{}/{}",
        "/admin/storage/rosbag/{}/change/",
        "/admin/storage/rosbag/{}/act/verify/",
        "/static/{}",
        "/{}",
    ]
    wrong = {
        (place, name, status)
        for place in places
        for name in [*map(quote, NAMES), "%2e%2e%2f", "%ED%A0%80", "%FF", "%zz", "%"]
        for status in {client.generic(m, place.format(name, name)).status_code for m in METHODS}
        if status >= 500
    }
    assert wrong == set()

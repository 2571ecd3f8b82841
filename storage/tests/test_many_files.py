"""Upload sessions of very many small files: what one costs does not grow with them where it can be helped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.choices import Role
from rosbag2.budget import MAX_FILES
from storage.choices import Status
from storage.models import Rosbag, RosbagFile
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.objects.folder import FolderStore
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag
from storage.tests.test_sessions import URL, begin, described, put, send_addressed, signed_in
from storage.tests.test_store import send
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db
FILES = 1200


@pytest.fixture
def operator() -> APIClient:
    return signed_in(Role.OPERATOR)


def small_files(count: int) -> list[dict[str, Any]]:
    return [{"path": f"a_{number:05d}.db3", "size": 3} for number in range(count)]


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """The calls that S3 gets; a folder has none."""
    calls: list[str] = []
    store = object_store()
    if isinstance(store, FolderStore):
        yield calls
        return
    client: Any = store.client  # type: ignore[attr-defined]

    def count(model: Any, **_kwargs: Any) -> None:
        calls.append(model.name)

    client.meta.events.register("before-call.s3", count)
    try:
        yield calls
    finally:
        client.meta.events.unregister("before-call.s3", count)


def test_an_upload_has_as_many_files_as_a_bundle(operator: APIClient) -> None:
    files = [*small_files(MAX_FILES), {"path": "metadata.yaml", "size": 3}]
    data = begin(operator, files)
    assert RosbagFile.objects.filter(rosbag=data["id"]).count() == MAX_FILES + 1
    answer = operator.post(URL, {"files": [*files, {"path": "b", "size": 3}]})
    assert answer.status_code == 400
    assert "ros2 bag convert" in answer.json()["errors"][0]["detail"]
    answer = operator.post(URL, {"files": small_files(MAX_FILES + 1)})
    assert (answer.status_code, answer.json()["code"]) == (422, "FILES_INVALID")


def test_files_are_listed_in_pages(operator: APIClient) -> None:
    data = begin(operator, small_files(FILES))
    assert (len(data["files"]), data["next_after"]) == (1000, "a_00999.db3")
    rest = operator.get(f"{URL}/{data['id']}?after={data['next_after']}").json()
    assert [file["path"] for file in rest["files"]] == [
        f"a_{number:05d}.db3" for number in range(1000, FILES)
    ]
    assert rest["next_after"] is None
    few = operator.get(f"{URL}/{data['id']}?limit=2").json()
    assert [file["path"] for file in few["files"]] == ["a_00000.db3", "a_00001.db3"]
    assert few["stored_bytes"] == 0
    assert few["size"] == 3 * FILES
    for query in ("limit=0", "limit=1001", "after=a%00"):
        assert operator.get(f"{URL}/{data['id']}?{query}").status_code == 400


@pytest.mark.s3
def test_calls_of_the_storage(
    s3_settings: None, operator: APIClient, django_assert_max_num_queries: Any
) -> None:
    store = object_store()
    store.check()
    with counted_calls() as calls:
        data = begin(operator, small_files(FILES))
        address = f"{URL}/{data['id']}"
        assert len(data["addresses"]) == 1000
        assert set(calls) == {"ListObjectsV2"}
        assert len(calls) == 1
        for file in data["addresses"][:30]:
            send(store, file["parts"][0]["url"], b"abc")
        calls.clear()
        with django_assert_max_num_queries(4):
            state = operator.get(address).json()
        assert state["stored_bytes"] == 90
        assert len(calls) == 1
        calls.clear()
        with django_assert_max_num_queries(6):
            answer = operator.post(f"{address}/complete", {})
        assert (answer.status_code, len(answer.json()["errors"])) == (409, FILES - 30)
        assert len(calls) == 1


def test_completion_is_short_and_the_worker_joins(
    store: ObjectStore, operator: APIClient, make_bag: MakeBag, django_assert_max_num_queries: Any
) -> None:
    folder = make_bag(messages=7)
    for number in range(40):
        (folder / f"more_{number:03d}.db3").write_bytes(b"abc")
    data = begin(operator, described(folder))
    send_addressed(data, folder)
    with counted_calls() as calls, django_assert_max_num_queries(20):
        answer = operator.post(f"{URL}/{data['id']}/complete", {})
    assert answer.status_code == 202
    assert len(calls) <= 1
    assert list(store.list("rosbags/")) == []
    busy = operator.get(f"/api/v1/rosbags/{data['id']}/files/metadata.yaml")
    assert (busy.status_code, busy.json()["code"]) == (409, "ROSBAG_UPLOADING")
    rosbag = verifier.run(data["id"])
    assert rosbag.message_count == 7
    assert operator.get(f"/api/v1/rosbags/{data['id']}/files/metadata.yaml").status_code == 200


def test_a_killed_client_resumes(
    store: ObjectStore, operator: APIClient, make_bag: MakeBag
) -> None:
    folder = make_bag()
    for number in range(20):
        (folder / f"more_{number:03d}.db3").write_bytes(b"abc")
    data = begin(operator, described(folder))
    sent = data["addresses"][:10]
    for file in sent:
        assert put(file["parts"][0]["url"], (folder / file["path"]).read_bytes())[0] == 200
    del data["addresses"]  # the client is killed, another process goes on
    state = operator.get(f"{URL}/{data['id']}").json()
    paths = {path.name for path in folder.iterdir()}
    missing = {file["path"] for file in state["addresses"]}
    assert missing == paths - {file["path"] for file in sent}
    send_addressed(state, folder)
    assert operator.get(f"{URL}/{data['id']}").json()["addresses"] == []
    assert operator.post(f"{URL}/{data['id']}/complete", {}).status_code == 202
    assert verifier.run(data["id"]).status in {Status.READY, Status.READY_WITH_WARNINGS}
    assert Rosbag.objects.get().files.count() == len(paths)


def test_files_of_a_rosbag_are_signed_by_pages(operator: APIClient, make_bag: MakeBag) -> None:
    folder = make_bag()
    for number in range(5):
        (folder / f"more_{number}.db3").write_bytes(b"abc")
    address = f"/api/v1/rosbags/{stored_bag(folder).pk}/files"
    paths = [file["path"] for file in operator.get(address).json()]
    assert set(paths) == {path.name for path in folder.iterdir()}
    pages, after = [], ""
    while page := operator.get(address, {"limit": 3} | ({"after": after} if after else {})).json():
        assert len(page) <= 3
        pages += [file["path"] for file in page]
        after = pages[-1]
    assert pages == paths
    assert operator.get(address, {"limit": 0}).status_code == 400

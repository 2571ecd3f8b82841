"""Local copies of rosbags: fetched once, bounded, never removed while they are read."""

import threading
from pathlib import Path
from typing import Any

import pytest

from storage.exceptions import ObjectNotFoundError, RosbagUnreadyError
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.services.rosbags import deletion, local_copies
from storage.services.rosbags.local_copies import local_copy
from storage.tests.conftest import MakeBag
from tests.support.bags import stored_bag

pytestmark = pytest.mark.django_db


@pytest.fixture
def rosbags(store: ObjectStore, make_bag: MakeBag) -> list[Rosbag]:
    return [stored_bag(make_bag(f"bag{number}", messages=number + 1)) for number in range(3)]


def copies(settings: Any) -> set[int]:
    """Ids of the rosbags with a complete copy."""
    marks = (settings.DATA_DIR / "bags").glob(f"*/{local_copies.COMPLETE_MARKER}")
    return {int(mark.parent.name.split("-")[0]) for mark in marks}


def test_copy_is_complete_and_fetched_once(
    rosbags: list[Rosbag], monkeypatch: pytest.MonkeyPatch
) -> None:
    with local_copy(rosbags[0]) as folder:
        assert {file.path for file in rosbags[0].files.all()} <= {
            path.name for path in folder.iterdir()
        }
    monkeypatch.setattr(type(object_store()), "fetch", lambda *_args: pytest.fail("again"))
    with local_copy(rosbags[0]) as folder:
        assert (folder / "metadata.yaml").is_file()


def test_least_recently_used_copy_is_evicted_but_not_while_read(
    rosbags: list[Rosbag], settings: Any
) -> None:
    first, second, third = rosbags
    settings.BAG_CACHE_BYTES = first.size + second.size + 100
    with local_copy(first) as folder:
        with local_copy(second):
            pass
        with local_copy(third):
            pass
        assert (folder / "metadata.yaml").is_file()
    assert copies(settings) == {first.pk, third.pk}
    with local_copy(second):
        pass
    assert second.pk in copies(settings)
    assert len(copies(settings)) == 2


def test_rosbag_larger_than_the_cache_is_refused(rosbags: list[Rosbag], settings: Any) -> None:
    settings.BAG_CACHE_BYTES = 100
    with pytest.raises(RosbagUnreadyError, match="BAG_CACHE_BYTES"), local_copy(rosbags[0]):
        pass


def test_concurrent_readers_fetch_once(
    rosbags: list[Rosbag], monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    real = type(object_store()).fetch
    files = list(rosbags[0].files.all())

    def counted(self: Any, key: str, target: Path) -> None:
        fetched.append(key)
        real(self, key, target)

    monkeypatch.setattr(type(object_store()), "fetch", counted)
    monkeypatch.setattr(type(rosbags[0].files), "all", lambda _self: files, raising=False)
    complete: list[bool] = []

    def read() -> None:
        with local_copy(rosbags[0]) as folder:
            complete.append((folder / "metadata.yaml").is_file())

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert complete == [True] * 5
    assert sorted(fetched) == sorted(file.key for file in files)


def test_missing_objects_are_an_error(rosbags: list[Rosbag], settings: Any) -> None:
    object_store().delete([rosbags[0].files.get(path="metadata.yaml").key])
    with pytest.raises(ObjectNotFoundError), local_copy(rosbags[0]):
        pass
    assert copies(settings) == set()


def test_copies_are_removed_with_their_rosbag(rosbags: list[Rosbag], settings: Any) -> None:
    with local_copy(rosbags[0]):
        pass
    deletion.discard(rosbags[0])
    assert list((settings.DATA_DIR / "bags").iterdir()) == []

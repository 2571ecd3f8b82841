"""Fixtures of the storage tests: separate stores and small bundles."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.db import leases
from common.db.leases import Lease
from rosbag2.formats.metadata import Topic
from rosbag2.writing.sqlite_writer import BagWriter
from storage.models import Rosbag
from storage.objects import object_store
from storage.objects.base import ObjectStore
from storage.services.previews import child

MakeBag = Callable[..., Path]


def claim(rosbag_id: int) -> Lease | None:
    """Claim a rosbag like a verifying worker; a claim that is never released is that of a killed worker."""
    return leases.claim(Rosbag.objects.verifying(), rosbag_id)


@pytest.fixture(autouse=True)
def own_folders(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_DIR = tmp_path / "objects"
    settings.DATA_DIR = tmp_path / "data"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews may take their time on a loaded machine, also to get their turn."""
    monkeypatch.setattr(child.lines, "__defaults__", (child.Limits(wall_seconds=300),))
    monkeypatch.setattr(child, "WAIT_SECONDS", 300)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.s3)])
def store(request: pytest.FixtureRequest, own_folders: None) -> ObjectStore:
    if request.param == "s3":
        request.getfixturevalue("s3_settings")
    return object_store()


@pytest.fixture
def make_bag(tmp_path: Path) -> MakeBag:
    def make(name: str = "bag", *, messages: int = 5, step_ns: int = 100_000_000) -> Path:
        folder = tmp_path / name
        with BagWriter(folder) as bag:
            odom = bag.add_topic(Topic("/odom", "nav_msgs/msg/Odometry"))
            bag.add_topic(Topic("/idle", "std_msgs/msg/String"))
            for number in range(messages):
                bag.write(odom, 1_000_000_000 + number * step_ns, bytes([0, 1, 0, 0, number % 256]))
        return folder

    return make

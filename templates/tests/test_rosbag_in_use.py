"""A rosbag that a template plays cannot go."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.exceptions import RosbagInUseError
from storage.models import Rosbag
from storage.services.rosbags import deletion
from templates.models import Template
from templates.services import templates


@pytest.fixture(autouse=True)
def own_storage(settings: Any, tmp_path: Path) -> None:
    settings.STORAGE_DIR = tmp_path


def test_rosbag_in_use_is_not_deleted(rosbag: Rosbag) -> None:
    template = templates.create(name="Loader", rosbag=rosbag)
    with pytest.raises(RosbagInUseError, match="Loader"):
        deletion.delete(rosbag)
    templates.delete(template)
    deletion.delete(rosbag)
    assert rosbag.deleted_at is not None


def test_purge_skips_rosbags_in_use(rosbag: Rosbag) -> None:
    gone = Rosbag.objects.create(name="gone")
    templates.delete(templates.create(name="Loader", rosbag=rosbag))
    deletion.delete(rosbag)
    deletion.delete(gone)
    assert deletion.purge(timedelta(0)) == 1
    assert list(Rosbag.objects.all()) == [rosbag]
    Template.objects.all().delete()
    assert deletion.purge(timedelta(0)) == 1
    assert not Rosbag.objects.exists()

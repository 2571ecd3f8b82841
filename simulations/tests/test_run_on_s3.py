"""A whole run whose rosbag and recordings lie in S3: units get and put them by signed addresses."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import urllib3

from simulations.models import Recording, Simulation
from simulations.services.progress.results import summary
from simulations.services.runs import lifecycle
from simulations.tests.conftest import MESSAGES, System, ended
from storage.objects import object_store
from storage.services.maintenance import integrity
from storage.services.rosbags import downloads

pytestmark = pytest.mark.django_db(transaction=True)


def test_run_downloads_and_uploads_by_signed_urls(
    s3_settings: Any, system: System, design: Callable[..., Simulation]
) -> None:
    system.controller()
    execution = ended(lifecycle.start(design(2, 1)))
    outcome = summary(execution)
    assert (outcome["status"], outcome["data_status"]) == ("COMPLETED", "COMPLETE"), outcome
    assert outcome["messages_published"] == 3 * MESSAGES
    recordings = Recording.objects.filter(stage_run__execution=execution)
    assert recordings.count() == 2
    for recording in recordings:
        assert recording.rosbag is not None
        for file in downloads.signed_files(recording.rosbag, audience="browser"):
            assert file.url.startswith(f"http://{s3_settings.MINIO_ENDPOINT}/")
            answer = urllib3.request("GET", file.url)
            assert (answer.status, len(answer.data)) == (200, file.size)
            assert hashlib.sha256(answer.data).hexdigest() == file.sha256
    assert integrity.check() == integrity.Report()
    assert not s3_settings.STORAGE_DIR.exists()
    assert next(object_store().list("")) is not None

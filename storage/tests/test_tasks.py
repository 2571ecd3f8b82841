"""Verification in the background: asked for after commit, taken up again when lost."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from common.db import leases
from common.db.leases import MAX_ATTEMPTS
from common.recovery import recover
from storage.choices import Status
from storage.models import Rosbag
from storage.services.intake import imports
from storage.services.verification import verifier
from storage.tests.conftest import MakeBag, claim


@pytest.fixture
def rosbag(transactional_db: None, make_bag: MakeBag) -> Rosbag:
    return imports.import_folder(make_bag())


def long_ago() -> Any:
    return timezone.now() - 2 * leases.patience()


def work() -> None:
    call_command("db_worker", batch=True, startup_delay=False, verbosity=0, stdout=StringIO())


def test_worker_verifies_an_import(transactional_db: None, make_bag: MakeBag) -> None:
    with transaction.atomic():
        rosbag = imports.import_folder(make_bag())
        assert not DBTaskResult.objects.exists()
    work()
    rosbag.refresh_from_db()
    assert rosbag.status == Status.READY
    assert DBTaskResult.objects.get().return_value == Status.READY


def test_recovery_without_overdue_work_makes_four_queries(
    rosbag: Rosbag, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(4):
        assert recover() == 0


def test_lost_task_is_enqueued_again(rosbag: Rosbag) -> None:
    Rosbag.objects.update(enqueued_at=long_ago())
    assert recover() == 1
    assert recover() == 0
    work()
    rosbag.refresh_from_db()
    assert rosbag.status == Status.READY


def test_work_of_a_killed_worker_is_enqueued_again_once(rosbag: Rosbag) -> None:
    lost = DBTaskResult.objects.get()
    lost.claim("killed")
    claim(rosbag.pk)
    assert recover() == 0
    Rosbag.objects.update(
        enqueued_at=timezone.now() - timedelta(seconds=2),
        lease_until=timezone.now() - timedelta(seconds=1),
    )
    assert recover() == 1
    assert recover() == 0
    lost.refresh_from_db()
    assert lost.status == TaskResultStatus.RUNNING  # `lost_tasks` sees to it
    work()
    rosbag.refresh_from_db()
    assert rosbag.status == Status.READY


@pytest.mark.parametrize("change", [{"status": "ready"}, {"deleted_at": "2026-01-01T00:00Z"}])
def test_recovery_ignores_verified_and_deleted_rosbags(
    rosbag: Rosbag, change: dict[str, str]
) -> None:
    Rosbag.objects.update(enqueued_at=long_ago(), **change)
    assert recover() == 0


def test_rosbag_is_rejected_after_too_many_attempts_and_can_be_verified_again(
    rosbag: Rosbag,
) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert claim(rosbag.pk)
        Rosbag.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    given_up = verifier.run(rosbag.pk)
    assert (given_up.status, given_up.code) == (Status.REJECTED, "VERIFICATION_BROKE_OFF")
    assert "5 times" in given_up.sentence
    verifier.verify_again(given_up)
    assert verifier.run(rosbag.pk).status == Status.READY


def test_storage_outages_are_not_counted_as_attempts(rosbag: Rosbag) -> None:
    for _ in range(MAX_ATTEMPTS + 1):
        lease = claim(rosbag.pk)
        assert lease is not None
        assert lease.attempts == 1
        lease.release()

"""One worker at a time holds a row; what others write does not count."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.utils import timezone

from common.db import leases
from common.db.leases import Lease, LeaseLostError
from storage.models import Rosbag


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Rosbag:
    names = request.fixturenames
    request.getfixturevalue("transactional_db" if "transactional_db" in names else "db")
    return Rosbag.objects.create(name="leased")


def claim(row: Rosbag, **options: Any) -> Lease:
    lease = leases.claim(Rosbag.objects.living(), row.pk, **options)
    assert lease is not None
    return lease


def let_it_end() -> None:
    """As if the worker had been killed a lease's time ago."""
    Rosbag.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def state(row: Rosbag) -> tuple[str, bool, int]:
    row.refresh_from_db()
    return row.name, row.lease_until is not None, row.attempts


def test_only_one_claim_succeeds(row: Rosbag) -> None:
    claim(row, name="claimed")
    assert leases.claim(Rosbag.objects.living(), row.pk) is None
    assert state(row) == ("claimed", True, 1)


def test_only_rows_of_the_queryset_are_claimed(row: Rosbag) -> None:
    assert leases.claim(Rosbag.objects.exclude(pk=row.pk), row.pk) is None
    assert state(row) == ("leased", False, 0)


def test_finish_ends_the_lease_and_resets_attempts(row: Rosbag) -> None:
    with claim(row) as lease:
        lease.write(name="half")
        lease.finish(name="done")
    assert state(row) == ("done", False, 0)
    with pytest.raises(LeaseLostError):
        lease.write(name="late")


def test_unfinished_lease_is_released_without_counting(row: Rosbag) -> None:
    with claim(row):
        pass
    assert state(row) == ("leased", False, 0)


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (OSError, ("leased", False, 0)),
        (OperationalError, ("leased", False, 0)),
        (ValueError, ("leased", True, 1)),
        (KeyboardInterrupt, ("leased", True, 1)),
    ],
)
def test_only_outages_release_the_row(
    row: Rosbag, error: type[BaseException], after: tuple[str, bool, int]
) -> None:
    with pytest.raises(error), claim(row, release_on=[OSError]):
        raise error
    assert state(row) == after


def test_expired_lease_changes_nothing(row: Rosbag) -> None:
    dead = claim(row)
    let_it_end()
    heir = claim(row)
    for change in (dead.renew, dead.finish, lambda: dead.write(name="late")):
        with pytest.raises(LeaseLostError):
            change()
    dead.release()
    assert dead.lost
    assert state(row) == ("leased", True, 2)
    assert heir.attempts == 2
    heir.finish(name="right")
    assert state(row) == ("right", False, 0)


def test_renewal_counts_even_if_its_response_was_lost(
    row: Rosbag, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = claim(row)
    write = lease.write

    def cut_off(**fields: Any) -> None:
        write(**fields)
        raise DatabaseError

    with monkeypatch.context() as patch:
        patch.setattr(lease, "write", cut_off)
        with pytest.raises(DatabaseError):
            lease.renew()
    lease.write(name="still ours")
    lease.renew()
    lease.finish()
    assert state(row) == ("still ours", False, 0)


def test_a_lease_renews_itself_while_work_goes_on(transactional_db: None, row: Rosbag) -> None:
    lease = claim(row, seconds=3)
    before = lease.until
    renewed = Event()
    renew = lease.renew

    def noted() -> None:
        renew()
        renewed.set()

    lease.renew = noted  # type: ignore[method-assign]
    with lease:
        assert renewed.wait(30)
        assert lease.until > before
        lease.write(name="held")
    assert state(row) == ("held", False, 0)


def test_no_lease_is_renewed_within_a_transaction(row: Rosbag) -> None:
    """Nobody else sees the row, and the database may admit one writer only."""
    with claim(row, seconds=0.01) as lease:
        assert not lease._renewing.is_alive()
    assert state(row) == ("leased", False, 0)


def test_one_of_many_concurrent_claims_succeeds(transactional_db: None, row: Rosbag) -> None:
    together = Barrier(6)

    def attempt(_number: int) -> bool:
        try:
            together.wait(10)
            return leases.claim(Rosbag.objects.living(), row.pk) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(attempt, range(6))) == [False] * 5 + [True]


@pytest.fixture
def now(settings: Any) -> Any:
    settings.TASK_LEASE_SECONDS = 60
    return timezone.now()


@pytest.mark.parametrize(
    ("held", "enqueued", "overdue"),
    [
        (None, None, True),
        (None, -601, True),  # no worker has taken it
        (None, -599, False),
        (-1, -2, True),  # its worker is dead
        (-2, -1, False),  # and it was requested again since
        (-2, -601, True),
        (1, -601, False),
        (1, None, False),
    ],
)
def test_overdue_work(
    row: Rosbag, now: Any, held: int | None, enqueued: int | None, overdue: bool
) -> None:
    def moment(seconds: int | None) -> Any:
        return None if seconds is None else now + timedelta(seconds=seconds)

    Rosbag.objects.update(lease_until=moment(held), enqueued_at=moment(enqueued))
    assert Rosbag.objects.filter(leases.is_overdue()).exists() is overdue

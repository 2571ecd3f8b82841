"""From stored files to a verdict: what a bundle holds, and whether it can be played."""

from collections.abc import Callable
from pathlib import Path

import structlog
from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common.db import leases
from common.db.leases import Lease, LeaseLostError
from common.tasks import enqueue_on_commit
from rosbag2.checks.verdict import Verdict
from rosbag2.sandbox import checks
from storage.choices import VERIFIED, Origin, Status
from storage.exceptions import RosbagBusyError, RosbagNotFoundError
from storage.models import Rosbag, RosbagTopic
from storage.objects.base import StoreError
from storage.services.rosbags.deduplication import find
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.work_folders import work_folder
from storage.services.verification import fetching, findings, repairs
from storage.services.verification.findings import Facts, Finding, rejection

log = structlog.get_logger(__name__)

REPAIRED = "repaired"
"""Name of the folder that a repaired bag is written into; its data file is called so too."""

OnBytes = Callable[[int], None]


def run(rosbag_id: int, on_bytes: OnBytes | None = None) -> Rosbag:
    """Verify a rosbag that awaits it, repair it where that is needed, and write down what was found.

    The bundle is read in a child process with limits, never in this one. `on_bytes` hears how many bytes of
    data it has handled.

    Any number of workers may call it at any time: one works, the others return the row as it is. Killed at
    any line, it can be called again once the lease has ended.

    Raises:
        RosbagNotFoundError: no such row.
        StoreError: the storage or the disk is away or full; the rosbag still awaits verification.
    """
    waiting = Rosbag.objects.verifying()
    lease = leases.claim(waiting, rosbag_id, release_on=(StoreError, OSError))
    if lease is not None:
        _work(lease, on_bytes)
    rosbag = Rosbag.objects.filter(pk=rosbag_id).first()
    if rosbag is None:
        raise RosbagNotFoundError(_("There is no rosbag %(id)d.") % {"id": rosbag_id})
    return rosbag


def ask_again(rosbag: Rosbag) -> None:
    """Have a verified rosbag verified anew; one that awaits it already is left as it is.

    Raises:
        RosbagBusyError: it is still being uploaded.
    """
    now = timezone.now()
    again = Rosbag.objects.living().filter(pk=rosbag.pk, status__in=VERIFIED)
    if again.update(
        status=Status.VERIFYING,
        details={},
        lease_until=None,
        attempts=0,
        enqueued_at=now,
        updated_at=now,
    ):
        enqueue_on_commit("storage.tasks.verify_rosbag", rosbag.pk)
    rosbag.refresh_from_db()
    if rosbag.status == Status.UPLOADING:
        raise RosbagBusyError(
            _("This rosbag is still being uploaded: verify it once it has arrived.")
        )


def _work(lease: Lease, on_bytes: OnBytes | None) -> None:
    try:
        with lease:
            _settle(lease, _finding_or_fault(lease, on_bytes))
    except LeaseLostError:
        log.warning("verification_superseded", rosbag=lease.pk)
    except OSError as error:
        message = _("The folder for verification cannot be used (%(reason)s): free some space.")
        raise StoreError(message % {"reason": error.strerror}) from error


def _settle(lease: Lease, finding: Finding) -> None:
    try:
        written = _write_or_reject(lease, finding)
    except LeaseLostError:
        _drop(finding)
        raise
    if not written:
        _drop(finding)


def _drop(finding: Finding) -> None:
    if finding.draft is not None:
        repairs.drop(finding.draft)


def _write_or_reject(lease: Lease, finding: Finding) -> bool:
    """False: the database refuses the values, and a rejection is written instead."""
    try:
        _write(lease, finding)
    except (DataError, IntegrityError, OverflowError, ValueError) as error:
        # Texts with NUL, numbers beyond 64 bits: no recorder writes them, someone may forge them.
        log.warning("index_refused", rosbag=lease.pk, error=str(error))
        _write(lease, Finding(rejection("VALUES_IMPLAUSIBLE")))
        return False
    return True


def _finding_or_fault(lease: Lease, on_bytes: OnBytes | None) -> Finding:
    try:
        return _finding(lease, on_bytes)
    except (StoreError, OSError, DatabaseError, LeaseLostError):
        raise  # it says nothing about the rosbag
    except Exception:
        log.exception("verification_failed", rosbag=lease.pk)
        return Finding(rejection("VERIFICATION_FAILED"))


def _finding(lease: Lease, on_bytes: OnBytes | None) -> Finding:
    """What to write of a rosbag."""
    repairs.clear(lease.pk)
    fetching.sweep(lease.pk)
    rosbag = Rosbag.objects.get(pk=lease.pk)
    if rosbag.attempts > leases.MAX_ATTEMPTS:
        log.error("verification_given_up", rosbag=lease.pk, attempts=rosbag.attempts)
        return Finding(rejection("VERIFICATION_BROKE_OFF", attempts=rosbag.attempts - 1))
    try:
        with work_folder("verifying", rosbag.pk) as folder:
            known = _is_known(rosbag)
            files = fetching.bring(lease, folder)
            fetching.sweep(rosbag.pk)
            digest = content_digest((file.path, file.sha256) for file in files)
            twin = None if known else find(digest, besides=rosbag.pk)
            finding = _judged(rosbag, folder, twin, on_bytes)
    except findings.RefusedError as error:
        return Finding(error.facts)
    finding.facts |= {"content_digest": digest, "size": sum(file.size for file in files)}
    return finding


def _is_known(rosbag: Rosbag) -> bool:
    """Whether the content was known before, so that a twin would have been found on arrival."""
    files = list(rosbag.files.all())
    return all(file.sha256 for file in files) and not fetching.is_packed(files)


def _judged(rosbag: Rosbag, folder: Path, twin: Rosbag | None, on_bytes: OnBytes | None) -> Finding:
    if twin is not None and twin.status == Status.REPAIRED:
        return Finding(findings.of_twin(twin))
    verdict = _verdict(rosbag, folder, on_bytes)
    found = findings.of_verdict(verdict)
    if verdict.status == "repaired":
        finding = _repaired(rosbag, folder / REPAIRED, verdict, found)
    else:
        finding = Finding(found, findings.topics_of(rosbag.pk, verdict))
    if rosbag.origin == Origin.REPAIRED:
        finding.facts = findings.with_history(finding.facts, rosbag)
    if twin is not None:
        finding.facts = findings.with_twin(finding.facts, twin)
    return finding


def _verdict(rosbag: Rosbag, folder: Path, on_bytes: OnBytes | None) -> Verdict:
    """The outcome of the child process; only what people bring is repaired."""
    bag = folder / fetching.BAG
    if rosbag.origin == Origin.UPLOADED:
        target = folder / REPAIRED
        return checks.verify_or_repair(bag, target, scratch=folder, on_progress=on_bytes)
    return checks.verify(bag, scratch=folder, on_progress=on_bytes)


def _repaired(rosbag: Rosbag, folder: Path, verdict: Verdict, found: Facts) -> Finding:
    """The finding for one that was repaired; what was made of it before is not made again."""
    before = rosbag.repaired
    if before is None or not before.usable:
        before = repairs.living_of(rosbag.pk)
    original = findings.of_original(found)
    if before is not None:
        return Finding(original | {"repaired": before})
    made = repairs.draft(rosbag, folder, found, findings.topics_of(rosbag.pk, verdict))
    return Finding(original | {"repaired": made.rosbag}, draft=made)


@transaction.atomic
def _write(lease: Lease, finding: Finding) -> None:
    """Row, topics and what was made of it change together, and only while the lease is held."""
    lease.finish(**finding.facts, updated_at=timezone.now())
    RosbagTopic.objects.filter(rosbag_id=lease.pk).delete()
    RosbagTopic.objects.bulk_create(finding.topics, batch_size=500)
    if finding.draft is not None:
        repairs.publish(finding.draft)

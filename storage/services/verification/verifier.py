"""Verification of stored rosbags: from their files to a verdict and an index."""

from collections.abc import Callable
from pathlib import Path

import structlog
from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from common import disks
from common.db import leases
from common.db.leases import Lease, LeaseLostError
from common.tasks import enqueue_on_commit
from rosbag2.checks.verdict import Verdict
from rosbag2.sandbox import checks
from storage.choices import VERIFIED, Origin, Status
from storage.exceptions import RosbagBusyError, RosbagNotFoundError
from storage.models import Rosbag, RosbagTopic
from storage.objects.base import StoreError, StoreFullError
from storage.services.intake.assembly import join_uploads
from storage.services.rosbags.deduplication import find_same_content
from storage.services.rosbags.digest import content_digest
from storage.services.rosbags.work_folders import work_folder
from storage.services.verification import fetching, repairs, results
from storage.services.verification.results import Fields, VerificationResult, rejected_fields

log = structlog.get_logger(__name__)

REPAIRED = "repaired"
"""Folder that a repaired bag is written to; its data file gets the same name."""

OnBytes = Callable[[int], None]


def run(rosbag_id: int, on_bytes: OnBytes | None = None) -> Rosbag:
    """Verify a rosbag, repair it if needed, and save the result.

    The bundle is read in a child process with limits, never in this one. Any number of workers may call
    this at any time: one does the work, the others return the row as it is. After a crash it can be called
    again once the lease has expired.

    Args:
        rosbag_id: A rosbag in any state; only one that awaits verification is verified.
        on_bytes: Called with the number of bytes of data that have been processed.

    Returns:
        The rosbag after the verification.

    Raises:
        RosbagNotFoundError: There is no such rosbag.
        StoreError: The storage or the disk is unavailable or full; the rosbag still awaits verification.
    """
    waiting = Rosbag.objects.verifying()
    lease = leases.claim(waiting, rosbag_id, release_on=(StoreError, OSError))
    if lease is not None:
        _work(lease, on_bytes)
    rosbag = Rosbag.objects.filter(pk=rosbag_id).first()
    if rosbag is None:
        raise RosbagNotFoundError(_("There is no rosbag %(id)d.") % {"id": rosbag_id})
    return rosbag


def verify_again(rosbag: Rosbag) -> None:
    """Enqueue another verification of a verified rosbag; one that awaits it already stays as it is.

    Raises:
        RosbagBusyError: It is still being uploaded.
    """
    now = timezone.now()
    rows = Rosbag.objects.living().filter(pk=rosbag.pk, status__in=VERIFIED)
    if rows.update(
        status=Status.VERIFYING,
        lease_until=None,
        attempts=0,
        enqueued_at=now,
        updated_at=now,
    ):
        enqueue_on_commit("storage.tasks.verify_rosbag", rosbag.pk)
    rosbag.refresh_from_db()
    if rosbag.status == Status.UPLOADING:
        raise RosbagBusyError(
            _("This rosbag is still being uploaded: verify it when the upload is complete.")
        )


def _work(lease: Lease, on_bytes: OnBytes | None) -> None:
    try:
        with lease:
            _write_result(lease, _result_or_failure(lease, on_bytes))
    except LeaseLostError:
        log.warning("verification_superseded", rosbag=lease.pk)
    except OSError as error:
        message = _("The folder for verification cannot be used (%(reason)s): free some space.")
        kind = StoreFullError if disks.is_full(error) else StoreError
        raise kind(message % {"reason": error.strerror}) from error


def _write_result(lease: Lease, result: VerificationResult) -> None:
    try:
        accepted = _write_or_reject(lease, result)
    except LeaseLostError:
        _discard_repair(result)
        raise
    if not accepted:
        _discard_repair(result)


def _discard_repair(result: VerificationResult) -> None:
    if result.repair is not None:
        repairs.discard_repair(result.repair)


def _write_or_reject(lease: Lease, result: VerificationResult) -> bool:
    """Write the result, or a rejection when the database refuses its values (False)."""
    try:
        _write(lease, result)
    except (DataError, IntegrityError, OverflowError, ValueError) as error:
        # NUL characters or numbers beyond 64 bits: no recorder writes them, but they can be forged.
        log.warning("index_refused", rosbag=lease.pk, error=str(error))
        _write(lease, VerificationResult(rejected_fields("VALUES_IMPLAUSIBLE")))
        return False
    return True


def _result_or_failure(lease: Lease, on_bytes: OnBytes | None) -> VerificationResult:
    try:
        return _verify_files(lease, on_bytes)
    except (StoreError, OSError, DatabaseError, LeaseLostError):
        raise  # not a fault of the rosbag
    except Exception:
        log.exception("verification_failed", rosbag=lease.pk)
        return VerificationResult(rejected_fields("VERIFICATION_FAILED"))


def _verify_files(lease: Lease, on_bytes: OnBytes | None) -> VerificationResult:
    """Fetch and verify the files, and collect what to write to the row."""
    repairs.remove_unfinished(lease.pk)
    join_uploads(lease.pk)
    fetching.remove_stray_objects(lease.pk)
    rosbag = Rosbag.objects.get(pk=lease.pk)
    if rosbag.attempts > leases.MAX_ATTEMPTS:
        log.error("verification_given_up", rosbag=lease.pk, attempts=rosbag.attempts)
        return VerificationResult(
            rejected_fields("VERIFICATION_BROKE_OFF", attempts=rosbag.attempts - 1)
        )
    try:
        with work_folder("verifying", rosbag.pk) as folder:
            files = fetching.fetch_bundle(lease, folder)
            fetching.remove_stray_objects(rosbag.pk)
            digest = content_digest((file.path, file.sha256) for file in files)
            # The digest of what was sent was compared with other rosbags when the upload was completed.
            is_compared = digest == rosbag.content_digest
            duplicate = None if is_compared else find_same_content(digest, exclude=rosbag.pk)
            result = _result(rosbag, folder, duplicate, on_bytes)
    except results.RejectedError as error:
        return VerificationResult(error.fields)
    rosbag.refresh_from_db(fields=["warnings"])
    result.fields = results.with_left_out_warning(result.fields, rosbag)
    result.fields |= {"content_digest": digest, "size": sum(file.size for file in files)}
    return result


def _result(
    rosbag: Rosbag, folder: Path, duplicate: Rosbag | None, on_bytes: OnBytes | None
) -> VerificationResult:
    if duplicate is not None and duplicate.status == Status.REPAIRED:
        return VerificationResult(results.fields_of_repaired_duplicate(duplicate))
    verdict = _verdict(rosbag, folder, on_bytes)
    results.store_types(verdict)
    fields = results.fields_of_verdict(verdict)
    if verdict.status == "repaired":
        result = _repaired(rosbag, folder / REPAIRED, verdict, fields)
    else:
        result = VerificationResult(fields, results.topics_of(rosbag.pk, verdict))
    if rosbag.origin == Origin.REPAIRED:
        result.fields = results.with_previous_warnings(result.fields, rosbag)
    elif rosbag.origin == Origin.RECORDED:
        result.fields |= {"lost_spans": rosbag.lost_spans}
    if duplicate is not None:
        result.fields = results.with_duplicate_warning(result.fields, duplicate)
    return result


def _verdict(rosbag: Rosbag, folder: Path, on_bytes: OnBytes | None) -> Verdict:
    """Run the child process; only uploaded rosbags are repaired."""
    bag = folder / fetching.BAG
    if rosbag.origin == Origin.UPLOADED:
        target = folder / REPAIRED
        return checks.verify_or_repair(bag, target, scratch=folder, on_progress=on_bytes)
    return checks.verify(bag, scratch=folder, on_progress=on_bytes)


def _repaired(rosbag: Rosbag, folder: Path, verdict: Verdict, fields: Fields) -> VerificationResult:
    """The result of a repair; an existing repair is reused."""
    existing = rosbag.repaired
    if existing is None or not existing.usable:
        existing = repairs.find_repair(rosbag.pk)
    original = results.without_index(fields)
    if existing is not None:
        return VerificationResult(original | {"repaired": existing})
    repair = repairs.store_repair(rosbag, folder, fields, results.topics_of(rosbag.pk, verdict))
    return VerificationResult(original | {"repaired": repair.rosbag}, repair=repair)


@transaction.atomic
def _write(lease: Lease, result: VerificationResult) -> None:
    """Write row, topics and repair in one transaction, and only while the lease is held."""
    lease.finish(**result.fields, updated_at=timezone.now())
    RosbagTopic.objects.filter(rosbag_id=lease.pk).delete()
    RosbagTopic.objects.bulk_create(result.topics, batch_size=500)
    if result.repair is not None:
        repairs.publish(result.repair)

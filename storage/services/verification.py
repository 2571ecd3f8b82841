"""From stored files to a verdict: what a bundle holds, and whether it can be played."""

from collections.abc import Callable
from pathlib import Path

import structlog
from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from rosbag2.checks.verdict import Verdict
from rosbag2.sandbox import checks
from storage.choices import VERIFIED, Origin, Status
from storage.client.base import StoreError
from storage.exceptions import RosbagBusyError, RosbagNotFoundError
from storage.models import Rosbag, RosbagTopic
from storage.services import arrivals, facts, repairs
from storage.services.digest import content_digest
from storage.services.facts import Facts, Finding, rejection
from storage.services.lease import Lease
from storage.services.sameness import find
from storage.services.work_folders import work_folder

log = structlog.get_logger(__name__)

MOST_BEGUN = 5
"""How often a verification may kill its worker before nobody takes it up any more."""

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
    lease = Lease.take(rosbag_id)
    if lease is not None:
        _work(lease, on_bytes)
    rosbag = Rosbag.objects.filter(pk=rosbag_id).first()
    if rosbag is None:
        raise RosbagNotFoundError(_("There is no rosbag %(id)d.") % {"id": rosbag_id})
    return rosbag


def ask_again(rosbag: Rosbag) -> None:
    """Let a verified rosbag be verified anew; one that awaits it already is left as it is.

    Raises:
        RosbagBusyError: it is still being uploaded.
    """
    now = timezone.now()
    again = Rosbag.objects.living().filter(pk=rosbag.pk, status__in=VERIFIED)
    again.update(
        status=Status.VERIFYING, details={}, lease_until=None, enqueued_at=now, updated_at=now
    )
    rosbag.refresh_from_db()
    if rosbag.status == Status.UPLOADING:
        raise RosbagBusyError(
            _("This rosbag is still being uploaded: verify it once it has arrived.")
        )


def _work(lease: Lease, on_bytes: OnBytes | None) -> None:
    finding = Finding({})
    try:
        with lease:
            finding = _finding(lease, on_bytes)
    except StoreError:
        lease.release()
        raise
    except OSError as error:
        lease.release()
        message = _("The folder for verification cannot be used (%(reason)s): free some space.")
        raise StoreError(message % {"reason": error.strerror}) from error
    except DatabaseError:
        raise  # nothing can be written now; the lease ends by itself
    except arrivals.LeaseLostError:
        log.warning("verification_superseded", rosbag=lease.rosbag_id)
        return
    except Exception:
        log.exception("verification_failed", rosbag=lease.rosbag_id)
        finding = Finding(rejection("VERIFICATION_FAILED"))
    _settle(lease, finding)


def _settle(lease: Lease, finding: Finding) -> None:
    try:
        kept = _write(lease, finding)
    except (DataError, IntegrityError, OverflowError, ValueError) as error:
        # Texts with NUL, numbers beyond 64 bits: no recorder writes them, someone may forge them.
        log.warning("index_refused", rosbag=lease.rosbag_id, error=str(error))
        kept = False
        if _write(lease, Finding(rejection("VALUES_IMPLAUSIBLE"))):
            kept = finding.draft is None
    if kept:
        return
    log.warning("verification_superseded", rosbag=lease.rosbag_id)
    if finding.draft is not None:
        repairs.drop(finding.draft)


def _finding(lease: Lease, on_bytes: OnBytes | None) -> Finding:
    """What to write of a rosbag."""
    begun = lease.count()
    repairs.clear(lease.rosbag_id)
    arrivals.sweep(lease.rosbag_id)
    if begun >= MOST_BEGUN:
        log.error("verification_given_up", rosbag=lease.rosbag_id, begun=begun)
        return Finding(rejection("VERIFICATION_BROKE_OFF", attempts=begun))
    rosbag = Rosbag.objects.get(pk=lease.rosbag_id)
    try:
        with work_folder("verifying", rosbag.pk) as folder:
            known = _is_known(rosbag)
            files = arrivals.bring(lease, folder)
            arrivals.sweep(rosbag.pk)
            digest = content_digest((file.path, file.sha256) for file in files)
            twin = None if known else find(digest, besides=rosbag.pk)
            finding = _judged(rosbag, folder, twin, on_bytes)
    except facts.RefusedError as error:
        return Finding(error.facts)
    finding.facts |= {"content_digest": digest, "size": sum(file.size for file in files)}
    return finding


def _is_known(rosbag: Rosbag) -> bool:
    """Whether the content was known before, so that a twin would have been found on arrival."""
    files = list(rosbag.files.all())
    return all(file.sha256 for file in files) and not arrivals.is_packed(files)


def _judged(rosbag: Rosbag, folder: Path, twin: Rosbag | None, on_bytes: OnBytes | None) -> Finding:
    if twin is not None and twin.status == Status.REPAIRED:
        return Finding(facts.of_twin(twin))
    verdict = _verdict(rosbag, folder, on_bytes)
    found = facts.of_verdict(verdict)
    if verdict.status == "repaired":
        finding = _repaired(rosbag, folder / REPAIRED, verdict, found)
    else:
        finding = Finding(found, facts.topics_of(rosbag.pk, verdict))
    if rosbag.origin == Origin.REPAIRED:
        finding.facts = facts.with_history(finding.facts, rosbag)
    if twin is not None:
        finding.facts = facts.with_twin(finding.facts, twin)
    return finding


def _verdict(rosbag: Rosbag, folder: Path, on_bytes: OnBytes | None) -> Verdict:
    """The outcome of the child process; only what people bring is repaired."""
    bag = folder / arrivals.BAG
    if rosbag.origin == Origin.UPLOADED:
        target = folder / REPAIRED
        return checks.verify_or_repair(bag, target, scratch=folder, on_progress=on_bytes)
    return checks.verify(bag, scratch=folder, on_progress=on_bytes)


def _repaired(rosbag: Rosbag, folder: Path, verdict: Verdict, found: Facts) -> Finding:
    """The finding for one that was repaired; what was made of it before is not made again."""
    before = rosbag.repaired
    if before is None or not before.usable:
        before = repairs.living_of(rosbag.pk)
    original = facts.of_original(found)
    if before is not None:
        return Finding(original | {"repaired": before})
    made = repairs.draft(rosbag, folder, found, facts.topics_of(rosbag.pk, verdict))
    return Finding(original | {"repaired": made.rosbag}, draft=made)


@transaction.atomic
def _write(lease: Lease, finding: Finding) -> bool:
    """Row, topics and what was made of it change together, and only while the lease is held."""
    if not lease.write(**finding.facts, lease_until=None, updated_at=timezone.now()):
        return False
    RosbagTopic.objects.filter(rosbag_id=lease.rosbag_id).delete()
    RosbagTopic.objects.bulk_create(finding.topics, batch_size=500)
    if finding.draft is not None:
        repairs.publish(finding.draft)
    return True

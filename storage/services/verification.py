"""From stored files to a verdict: what a bundle holds, and whether it can be played."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from rosbag2.index import BagIndex
from rosbag2.verify import Verdict, verify
from storage.choices import VERIFIED, Status, sentence
from storage.client import object_store
from storage.client.base import StoreError
from storage.exceptions import RosbagBusyError, RosbagNotFoundError
from storage.models import Rosbag, RosbagFile, RosbagTopic
from storage.services.digest import content_digest, file_sha256
from storage.services.lease import Lease
from storage.services.sameness import find

log = structlog.get_logger(__name__)

MOST_BEGUN = 5
"""How often a verification may kill its worker before nobody takes it up any more."""

NO_INDEX: dict[str, Any] = {
    "storage_id": "",
    "version": None,
    "ros_distro": "",
    "compression": "",
    "start_ns": None,
    "duration_ns": None,
    "message_count": None,
}


def run(rosbag_id: int) -> Rosbag:
    """Verify a rosbag that awaits it and write down what was found.

    Any number of workers may call it at any time: one works, the others return the row as it is. Killed at
    any line, it can be called again once the lease has ended.

    Raises:
        RosbagNotFoundError: no such row.
        StoreError: the storage or the disk is away or full; the rosbag still awaits verification.
    """
    lease = Lease.take(rosbag_id)
    if lease is not None:
        _work(lease)
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


def _work(lease: Lease) -> None:
    try:
        with lease:
            begun = lease.count()
            if begun < MOST_BEGUN:
                facts, topics = _facts(lease.rosbag_id)
            else:
                log.error("verification_given_up", rosbag=lease.rosbag_id, begun=begun)
                facts, topics = _rejection("VERIFICATION_BROKE_OFF", attempts=begun), []
    except StoreError:
        lease.release()
        raise
    except OSError as error:
        lease.release()
        message = _("The folder for verification cannot be used (%(reason)s): free some space.")
        raise StoreError(message % {"reason": error.strerror}) from error
    except DatabaseError:
        raise  # nothing can be written now; the lease ends by itself
    except Exception:
        log.exception("verification_failed", rosbag=lease.rosbag_id)
        facts, topics = _rejection("VERIFICATION_FAILED"), []
    try:
        kept = _write(lease, facts, topics)
    except (DataError, IntegrityError, OverflowError, ValueError) as error:
        # Texts with NUL, numbers beyond 64 bits: no recorder writes them, someone may forge them.
        log.warning("index_refused", rosbag=lease.rosbag_id, error=str(error))
        kept = _write(lease, _rejection("VALUES_IMPLAUSIBLE"), [])
    if not kept:
        log.warning("verification_superseded", rosbag=lease.rosbag_id)


def _facts(rosbag_id: int) -> tuple[dict[str, Any], list[RosbagTopic]]:
    """What to write of a rosbag: the fields of its row, and its topics."""
    files = list(RosbagFile.objects.filter(rosbag_id=rosbag_id))
    known = all(file.sha256 for file in files)
    with _work_folder(rosbag_id) as folder:
        for file in files:
            if fault := _fetch(file, folder):
                return fault, []
        verdict = verify(folder)
    digest = content_digest((file.path, file.sha256) for file in files)
    facts = _of_verdict(verdict) | {
        "content_digest": digest,
        "size": sum(file.size for file in files),
    }
    if not known and (twin := find(digest)) and twin.pk != rosbag_id:
        facts |= _with_twin(facts, twin)
    return facts, list(_topics(rosbag_id, verdict.index)) if verdict.index else []


@contextmanager
def _work_folder(rosbag_id: int) -> Iterator[Path]:
    """A private folder for the bundle; what a killed worker left of this rosbag is removed."""
    parent = settings.DATA_DIR / "verifying"
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{rosbag_id}-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(mkdtemp(prefix=f"{rosbag_id}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(file: RosbagFile, folder: Path) -> dict[str, Any] | None:
    """Bring a file into the folder; the answer is a rejection when it is not what was stored."""
    target = folder / file.path
    try:
        object_store().fetch(file.key, target)
    except FileNotFoundError:
        return _rejection("OBJECT_MISSING", file=file.path)
    found = target.stat().st_size
    if found != file.size:
        return _rejection("SIZE_MISMATCH", file=file.path, size=file.size, found=found)
    found_sha256 = file_sha256(target)
    if not file.sha256:  # its sender did not know it
        file.sha256 = found_sha256
        file.save(update_fields=["sha256"])
    if found_sha256 != file.sha256:
        return _rejection("CHECKSUM_MISMATCH", file=file.path)
    return None


def _rejection(code: str, **details: str | int) -> dict[str, Any]:
    with override("en"):
        text = sentence(code, details)
    outcome = {"status": Status.REJECTED, "code": code, "details": details, "text": text}
    return NO_INDEX | outcome | {"warnings": []}


def _with_twin(facts: dict[str, Any], twin: Rosbag) -> dict[str, Any]:
    """Say that the content is there already: without checksums nobody could know it before."""
    details: dict[str, str | int | float] = {"twin": twin.name, "id": twin.pk}
    with override("en"):
        text = sentence("SAME_CONTENT", details)
    warning = {"code": "SAME_CONTENT", "details": details, "text": text}
    status = facts["status"]
    if status == Status.READY:
        status = Status.READY_WITH_WARNINGS
    return {"status": status, "warnings": [*facts["warnings"], warning]}


def _of_verdict(verdict: Verdict) -> dict[str, Any]:
    return (_of_index(verdict.index) if verdict.index else NO_INDEX) | {
        "status": Status(verdict.status),
        "code": verdict.code,
        "details": verdict.details,
        "text": verdict.sentence,
        "warnings": [
            {"code": warning.code, "details": warning.details, "text": warning.sentence}
            for warning in verdict.warnings
        ],
    }


def _of_index(index: BagIndex) -> dict[str, Any]:
    span = 0
    if index.start_ns is not None and index.end_ns is not None:
        span = index.end_ns - index.start_ns
    return {
        "storage_id": index.storage_id,
        "version": index.version,
        "ros_distro": index.ros_distro,
        "compression": index.compression,
        "start_ns": index.start_ns,
        "duration_ns": span,
        "message_count": index.message_count,
    }


def _topics(rosbag_id: int, index: BagIndex) -> Iterator[RosbagTopic]:
    for topic, rhythm in zip(index.topics, index.rhythms, strict=True):
        fields = asdict(topic) | asdict(rhythm)
        fields["histogram"] = list(topic.histogram)
        fields["gaps"] = [[gap.start_ns, gap.end_ns] for gap in rhythm.gaps]
        yield RosbagTopic(rosbag_id=rosbag_id, **fields)


@transaction.atomic
def _write(lease: Lease, facts: dict[str, Any], topics: list[RosbagTopic]) -> bool:
    """Row and topics change together, and only while the lease is held."""
    if not lease.write(**facts, lease_until=None, updated_at=timezone.now()):
        return False
    RosbagTopic.objects.filter(rosbag_id=lease.rosbag_id).delete()
    RosbagTopic.objects.bulk_create(topics, batch_size=500)
    return True

"""Statuses and origins of rosbags and exports, and the sentences of their codes."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from rosbag2.errors import SENTENCES as BAG_SENTENCES
from rosbag2.errors import SHORTER
from rosbag2.formats.time_text import time_text


class Status(TextChoices):
    """Status of a rosbag; `READY` and `READY_WITH_WARNINGS` can be played.

    `REPAIRED` is the status of a damaged original, which is kept; a rosbag of origin `REPAIRED` was made
    from it.
    """

    UPLOADING = "uploading", _("Uploading")
    VERIFYING = "verifying", _("Verifying")
    READY = "ready", _("Ready")
    READY_WITH_WARNINGS = "ready_with_warnings", _("Ready with warnings")
    REPAIRED = "repaired", _("Repaired")
    REJECTED = "rejected", _("Rejected")


USABLE = frozenset({Status.READY, Status.READY_WITH_WARNINGS})
VERIFIED = USABLE | {Status.REPAIRED, Status.REJECTED}


class Origin(TextChoices):
    """Origin of a rosbag."""

    UPLOADED = "uploaded", _("Uploaded")
    RECORDED = "recorded", _("Recorded")
    REPAIRED = "repaired", _("Repaired")
    EXPORTED = "exported", _("Exported")


class ExportFormat(TextChoices):
    """Format of an export: a rosbag in one of two storage formats, or a table."""

    SQLITE3 = "sqlite3", _("rosbag2, sqlite3")
    MCAP = "mcap", _("rosbag2, MCAP (Foxglove)")
    CSV = "csv", _("table (CSV)")


class ExportStatus(TextChoices):
    """Status of an export."""

    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = frozenset({ExportStatus.PENDING, ExportStatus.RUNNING})


SENTENCES = BAG_SENTENCES | {
    # Failures of previews and exports; the reason is in English.
    "TOPIC_UNKNOWN": gettext_noop(
        "There is no topic {reason} in this rosbag: see its list of topics."
    ),
    "TYPE_UNKNOWN": gettext_noop(
        "These messages cannot be decoded ({reason}); they can still be replayed."
    ),
    "TYPE_UNSUITABLE": gettext_noop("The topic has no such preview: {reason}."),
    "FIELD_UNKNOWN": gettext_noop("There is no such field ({reason}): see the list of fields."),
    "PREVIEW_TOO_LARGE": gettext_noop(
        "The messages are too large for a preview: choose another topic, or download the rosbag."
    ),
    "PREVIEW_BROKE_OFF": gettext_noop(
        "This took more time or memory than a preview is allowed: choose a shorter time, or download the "
        "rosbag."
    ),
    "WRITE_FAILED": gettext_noop(
        "{file} cannot be written ({reason}): check the disk of the worker, then try again."
    ),
    "EXPORT_FAILED": gettext_noop(
        "The export failed with an internal error, which has been logged: try again, or ask an administrator."
    ),
    "EXPORT_BROKE_OFF": gettext_noop(
        "The export was started {attempts} times, and its worker stopped each time before it was complete: "
        "check the memory and the disk of the worker's machine, then try again."
    ),
    "EXPORT_TOO_LARGE": gettext_noop(
        "The export is larger than {most} bytes: choose a shorter time or fewer topics."
    ),
    # Findings of the storage app itself.
    "OBJECT_MISSING": gettext_noop("{file} is no longer in the storage: upload the bag again."),
    "SIZE_MISMATCH": gettext_noop(
        "{file} has {found} bytes in the storage instead of the declared {size}: upload the bag again."
    ),
    "CHECKSUM_MISMATCH": gettext_noop(
        "The checksum of {file} in the storage differs from the declared one: upload the bag again."
    ),
    "FILES_LEFT_OUT": gettext_noop(
        "{file} is no part of the bag and is not stored ({files} such files)."
    ),
    "SAME_CONTENT": gettext_noop(
        "The same content is stored already as {twin} (rosbag {id}): delete one of the two if you need "
        "only one."
    ),
    "VALUES_IMPLAUSIBLE": gettext_noop(
        "The bag contains names or numbers that no recorder writes: check the program that wrote it, then "
        "upload it again."
    ),
    "VERIFICATION_FAILED": gettext_noop(
        "The verification failed with an internal error, which has been logged: verify the bag again, or "
        "ask an administrator."
    ),
    "VERIFICATION_BROKE_OFF": gettext_noop(
        "The verification was started {attempts} times, and its worker stopped each time before it was "
        "complete: check the memory and the disk of the worker's machine, then verify the bag again."
    ),
}


def sentence(code: str, details: Mapping[str, str | int | float], fallback: str = "") -> str:
    """The sentence of a code in the current language; `fallback` for unknown codes."""
    for texts in (SENTENCES, SHORTER):
        # A code or details that another version wrote may be missing here.
        with suppress(KeyError, IndexError, ValueError):
            return gettext(texts[code]).format_map(details)
    return fallback


def lost_sentence(span: Mapping[str, Any]) -> str:
    """Describe a lost span in the current language.

    `span` has file ("" if unknown), topic ("" for all), first_ns and last_ns (None for the start or end
    of the file), and messages (None if unknown).
    """
    ends = (span["first_ns"] is not None, span["last_ns"] is not None)
    at_once = ends[0] and span["first_ns"] == span["last_ns"]
    first_ns, last_ns = span["first_ns"] or 0, span["last_ns"] or 0
    digits = 9 if 0 < last_ns - first_ns < 10**6 else 3
    first, last = time_text(first_ns, digits), time_text(last_ns, digits)
    values = {"first": first, "last": last}
    span_text = (gettext("at %(first)s") if at_once else _SPAN_TEXTS[ends]) % values
    count = span["messages"]
    count_text = gettext("an unknown number of messages")
    if count is not None:
        count_text = ngettext("%(count)d message", "%(count)d messages", count) % {"count": count}
    values = {"file": span["file"], "topic": span["topic"], "what": count_text, "where": span_text}
    return _LOST_TEXTS[bool(span["file"]), bool(span["topic"])] % values


_LOST_TEXTS = {
    (True, True): _("%(file)s, topic %(topic)s: %(what)s lost %(where)s."),
    (True, False): _("%(file)s: %(what)s lost %(where)s."),
    (False, True): _("Topic %(topic)s: %(what)s lost %(where)s."),
    (False, False): _("%(what)s lost %(where)s; in which file is not known."),
}
_SPAN_TEXTS = {
    (True, True): _("between %(first)s and %(last)s"),
    (True, False): _("from %(first)s to the end"),
    (False, True): _("from the beginning to %(last)s"),
    (False, False): _("at a time that is not known"),
}

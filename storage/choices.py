"""States and origins of a rosbag, and the sentences for what is wrong with one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from rosbag2.errors import SENTENCES as BAG_SENTENCES


class Status(TextChoices):
    """Where a rosbag stands; `READY` and `READY_WITH_WARNINGS` may be played.

    `REPAIRED` is what arrived damaged and is kept: a rosbag of origin `REPAIRED` was made of it.
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
    """Where a rosbag comes from."""

    UPLOADED = "uploaded", _("Uploaded")
    RECORDED = "recorded", _("Recorded")
    REPAIRED = "repaired", _("Repaired")
    EXPORTED = "exported", _("Exported")


class ExportFormat(TextChoices):
    """What an export becomes: a rosbag in one of two formats, or a table."""

    SQLITE3 = "sqlite3", _("rosbag2, sqlite3")
    MCAP = "mcap", _("rosbag2, MCAP (Foxglove)")
    CSV = "csv", _("table (CSV)")


class ExportStatus(TextChoices):
    """Where an export stands."""

    PENDING = "pending", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


UNFINISHED = frozenset({ExportStatus.PENDING, ExportStatus.RUNNING})


SENTENCES = BAG_SENTENCES | {
    # What previews and exports run into; the reason is in English.
    "TOPIC_UNKNOWN": gettext_noop(
        "There is no topic {reason} in this rosbag: see its list of topics."
    ),
    "TYPE_UNKNOWN": gettext_noop(
        "These messages cannot be decoded ({reason}); they can be replayed all the same."
    ),
    "TYPE_UNSUITABLE": gettext_noop("This cannot be shown of the topic: {reason}."),
    "FIELD_UNKNOWN": gettext_noop("There is no such field ({reason}): see the list of fields."),
    "PREVIEW_TOO_LARGE": gettext_noop(
        "The messages are too large to be looked at here: ask for another topic, or download the rosbag."
    ),
    "PREVIEW_BROKE_OFF": gettext_noop(
        "This took longer or more memory than a preview may: ask for a shorter time, or download the rosbag."
    ),
    "WRITE_FAILED": gettext_noop(
        "{file} cannot be written ({reason}): see to the disk of the worker, then try again."
    ),
    "EXPORT_FAILED": gettext_noop(
        "The export failed here and has been logged: ask for it again, or ask an administrator."
    ),
    "EXPORT_BROKE_OFF": gettext_noop(
        "The export was begun {attempts} times, and its worker ended each time before it was through: see to "
        "the memory and the disk of the worker's machine, then ask for it again."
    ),
    "EXPORT_TOO_LARGE": gettext_noop(
        "The export grew beyond {most} bytes: ask for a shorter time or fewer topics."
    ),
    # What storage itself finds.
    "OBJECT_MISSING": gettext_noop("{file} is no longer in the storage: upload the bag again."),
    "SIZE_MISMATCH": gettext_noop(
        "{file} has {found} bytes in the storage, {size} were announced: upload the bag again."
    ),
    "CHECKSUM_MISMATCH": gettext_noop(
        "{file} in the storage has another checksum than announced: upload the bag again."
    ),
    "SAME_CONTENT": gettext_noop(
        "The same content is there already as {twin} (rosbag {id}): delete one of the two if you need "
        "only one."
    ),
    "VALUES_IMPLAUSIBLE": gettext_noop(
        "The bag holds names or numbers that no recorder writes: check what made it, then "
        "upload it again."
    ),
    "VERIFICATION_FAILED": gettext_noop(
        "The check of this bag failed here and has been logged: verify it again, or ask an "
        "administrator."
    ),
    "VERIFICATION_BROKE_OFF": gettext_noop(
        "The check of this bag was begun {attempts} times, and its worker ended each time before it was "
        "through: see to the memory and the disk of the worker's machine, then verify it again."
    ),
}


def sentence(code: str, details: Mapping[str, str | int | float], fallback: str = "") -> str:
    """The sentence of a code, in the language of the reader; `fallback` for a code unknown here."""
    try:
        return gettext(SENTENCES[code]).format_map(details)
    except (KeyError, IndexError, ValueError):
        # Code or details written by another version of ours.
        return fallback


def lost_sentence(span: Mapping[str, Any]) -> str:
    """A stretch that could not be saved, in the language of the reader.

    `span` has file, topic ("" for all), first_ns and last_ns (None where the file begins or ends), and
    messages (None where nobody knows how many).
    """
    words = {"first": _moment(span["first_ns"]), "last": _moment(span["last_ns"])}
    ends = (span["first_ns"] is not None, span["last_ns"] is not None)
    where = _WHERE[ends] % words
    count = span["messages"]
    what = gettext("an unknown number of messages")
    if count is not None:
        what = ngettext("%(count)d message", "%(count)d messages", count) % {"count": count}
    words = {"file": span["file"], "topic": span["topic"], "what": what, "where": where}
    if span["topic"]:
        return gettext("%(file)s, topic %(topic)s: %(what)s lost %(where)s.") % words
    return gettext("%(file)s: %(what)s lost %(where)s.") % words


_WHERE = {
    (True, True): _("between %(first)s and %(last)s"),
    (True, False): _("from %(first)s to the end"),
    (False, True): _("from the beginning to %(last)s"),
    (False, False): _("at a time that is not known"),
}


def _moment(time_ns: int | None) -> str:
    """A recorded time: as a date where a clock was set, else in seconds."""
    if time_ns is None:
        return ""
    seconds, rest = divmod(time_ns, 10**9)
    if _EARLIEST <= seconds < _LATEST:
        moment = datetime.fromtimestamp(seconds, UTC)
        return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 10**6:03} UTC"
    return f"{time_ns / 1e9:.3f} s"


_EARLIEST = int(datetime(1980, 1, 1, tzinfo=UTC).timestamp())
_LATEST = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())

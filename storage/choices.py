"""States and origins of a rosbag, and the sentences for what is wrong with one."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _


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


SENTENCES = {
    # What `rosbag2` finds, in its words: one catalogue of translations serves both.
    "FOLDER_MISSING": _("There is no folder {file}: check the path."),
    "METADATA_MISSING": _(
        "The bag has no metadata.yaml: add the one that was recorded with it, or make a new one "
        "with `ros2 bag reindex`."
    ),
    "METADATA_UNREADABLE": _(
        "{file} cannot be read ({reason}): restore the recorded file, or make a new one with "
        "`ros2 bag reindex`."
    ),
    "METADATA_REFUSED": _(
        "{file} is refused ({reason}); no recorder writes such a file: take it out of the bag, "
        "then it is made anew from the data."
    ),
    "METADATA_INCOMPLETE": _(
        "{file} says nothing in `{field}`: the recording was cut off before it was closed. Make a "
        "new one with `ros2 bag reindex`."
    ),
    "STORAGE_MISMATCH": _(
        "metadata.yaml gives the storage {storage}, but {file} is {found}: make a new one with "
        "`ros2 bag reindex`."
    ),
    "COMPRESSION_UNSUPPORTED": _(
        "{file} is compressed ({compression}), which is not supported: convert the bag to zstd or "
        "to no compression with `ros2 bag convert`."
    ),
    "SERIALIZATION_UNSUPPORTED": _(
        "Topic {topic} in {file} is serialized as {serialization}; only cdr can be replayed: "
        "record it again with a middleware that uses cdr."
    ),
    "PATH_UNSAFE": _(
        "metadata.yaml lists {file}, which lies outside the bag: list only files inside the bag's "
        "folder."
    ),
    "FILE_MISSING": _(
        "metadata.yaml lists {file}, which is not in the bag: add the file, or take it off the "
        "list with `ros2 bag reindex`."
    ),
    "FILE_UNREADABLE": _("{file} cannot be read ({reason}): check the file and its permissions."),
    "FILE_IS_LFS_POINTER": _(
        "{file} is a Git LFS pointer, not the recording itself: run `git lfs pull` where the bag "
        "was copied from and copy it again."
    ),
    "FILE_NOT_SQLITE": _(
        "{file} is not a SQLite database ({reason}): replace it with the file that was recorded."
    ),
    "FILE_NOT_MCAP": _(
        "{file} is not an MCAP file ({reason}): replace it with the file that was recorded."
    ),
    "FILE_UNKNOWN": _(
        "{file} is neither a SQLite database nor an MCAP file ({reason}): replace it with the "
        "file that was recorded."
    ),
    "SCHEMA_UNKNOWN": _(
        "{file} is not a rosbag2 database ({reason}): replace it with the file that was recorded."
    ),
    "FILE_DAMAGED": _(
        "{file} is damaged ({reason}): replace it with an intact copy of the recording."
    ),
    "FILE_UNFINISHED": _(
        "{file} was cut off before it was finished ({reason}): replace it with a complete copy, "
        "or save what is left with `mcap recover {file}`."
    ),
    "FILE_IMPLAUSIBLE": _(
        "{file} holds what no recorder writes ({reason}): replace it with the file that was "
        "recorded."
    ),
    "FILE_REFUSED": _(
        "{file} is refused ({reason}): record it again, or convert it with `mcap recover {file}`."
    ),
    "UNPACKS_TOO_LARGE": _(
        "{file} unpacks to more than {limit} bytes, far more than recordings do: unpack it "
        "yourself if you trust it, and add it uncompressed."
    ),
    "MESSAGE_TOO_LARGE": _(
        "{file} holds a message of more than {limit} bytes: leave its topic out with `ros2 bag "
        "convert`."
    ),
    "TOO_MANY_TOPICS": _(
        "{file} holds more than {limit} topics: leave some out with `ros2 bag convert`."
    ),
    "NAME_IMPLAUSIBLE": _(
        "{file} holds a name of a topic or type that no recorder writes ({reason}): rename it "
        "with `ros2 bag convert`, or check what made the bag."
    ),
    "NOTHING_LEFT": _(
        "Nothing of the bag can be saved ({reason}): replace it with an intact copy of the "
        "recording."
    ),
    "ARCHIVE_UNREADABLE": _(
        "{file} cannot be unpacked ({reason}): pack the bag's folder again as .zip, .tar, "
        ".tar.gz or .tar.zst, and check that the copy is complete."
    ),
    "ARCHIVE_ENCRYPTED": _(
        "{file} is protected by a password: pack the bag's folder again without one."
    ),
    "ARCHIVE_MEMBER_UNSAFE": _(
        "{file} holds {member}, which is refused ({reason}): pack only the plain files of the "
        "bag's folder."
    ),
    "ARCHIVE_MEMBER_TWICE": _(
        "{file} holds {member} more than once: pack the bag's folder again, each file once."
    ),
    "ARCHIVE_TOO_LARGE": _(
        "{file} unpacks to more than {limit}, far more than recordings do: unpack it yourself "
        "if you trust it, and add the bag's folder."
    ),
    "ARCHIVE_NO_BAG": _(
        "{file} holds no bag ({reason}): pack the folder that holds metadata.yaml and the .db3 "
        "or .mcap files."
    ),
    "ARCHIVE_TWO_BAGS": _(
        "{file} holds {bags} bags ({first}, {second}): pack each of them by itself."
    ),
    "NO_SPACE": _(
        "There is not enough space on the disk to unpack {file}: free some, then try again."
    ),
    "CHECK_TOO_SLOW": _(
        "The check of this bag was ended after {seconds} s, as it made too little progress: "
        "convert the bag with `ros2 bag convert` and try again."
    ),
    "CHECK_TOO_LARGE": _(
        "The check of this bag needed more than {megabytes} MB of memory and was ended: convert "
        "the bag with `ros2 bag convert` into smaller messages or chunks."
    ),
    "CHECK_BROKE_OFF": _(
        "The check of this bag broke off ({reason}): try again, and tell an administrator if it "
        "happens again."
    ),
    "REBUILT": _("The bag was made anew from its data: all {kept} messages are there."),
    "RESCUED": _(
        "The bag was repaired: {kept} messages were saved, {lost} are known to be lost (stretches of "
        "time: {spans})."
    ),
    "RESCUED_UNCOUNTED": _(
        "The bag was repaired: {kept} messages were saved; how many are lost is not known (stretches of "
        "time: {spans})."
    ),
    "UNLISTED_FILE": _(
        "{file} is not listed in metadata.yaml and is ignored ({files} such files)."
    ),
    "FILE_LISTED_TWICE": _("metadata.yaml lists {file} more than once; it is replayed once."),
    "VERSION_UNKNOWN": _(
        "metadata.yaml has version {version}, which is newer than what is known here; check the "
        "topics before you use the bag."
    ),
    "COUNT_MISMATCH": _(
        "metadata.yaml promises {listed} messages, the data hold {found} ({topics} topics "
        "differ); the data count."
    ),
    "TIME_MISMATCH": _(
        "metadata.yaml gives start {listed_start_ns} ns and duration {listed_duration_ns} ns, the "
        "data say {start_ns} ns and {duration_ns} ns; the data count."
    ),
    "TYPE_MISMATCH": _(
        "metadata.yaml gives topic {topic} the type {listed}, the data say {found} ({topics} "
        "topics differ); the data count."
    ),
    "QOS_MISMATCH": _(
        "The QoS of topic {topic} differs between metadata.yaml and the data ({topics} topics "
        "differ); the data count."
    ),
    "TOPIC_AMBIGUOUS": _(
        "{file} holds topic {topic} more than once with different types or QoS ({topics} such "
        "topics); all its messages are replayed under the one name."
    ),
    "ORPHAN_MESSAGES": _(
        "{file} holds {found} messages that belong to no topic; they cannot be replayed."
    ),
    "COMPRESSION_MISMATCH": _(
        "metadata.yaml says otherwise than the data how they are compressed; the data count."
    ),
    "SUMMARY_MISSING": _("{file} has no summary; it was read from front to back."),
    "SUMMARY_MISMATCH": _(
        "The summary of {file} promises {listed} messages, the data hold {found}; the data count."
    ),
    "CHUNK_TIMES": _(
        "{file} says other times of its chunks than they hold ({chunks} chunks): some messages "
        "are replayed out of order."
    ),
    "NAME_ODD": _(
        "Topic {topic} has signs in its name that ROS 2 does not allow ({topics} such topics)."
    ),
    "SPAN_IMPLAUSIBLE": _(
        "The messages lie {days} days apart: a clock was wrong while they were recorded; choose "
        "topics or a time limit before you replay them."
    ),
    "EMPTY": _("The bag holds no messages; there is nothing to replay."),
    # What previews and exports run into; the reason is in English.
    "TOPIC_UNKNOWN": _("There is no topic {reason} in this rosbag: see its list of topics."),
    "TYPE_UNKNOWN": _(
        "These messages cannot be decoded ({reason}); they can be replayed all the same."
    ),
    "TYPE_UNSUITABLE": _("This cannot be shown of the topic: {reason}."),
    "FIELD_UNKNOWN": _("There is no such field ({reason}): see the list of fields."),
    "PREVIEW_TOO_LARGE": _(
        "The messages are too large to be looked at here: ask for another topic, or download the rosbag."
    ),
    "PREVIEW_BROKE_OFF": _(
        "This took longer or more memory than a preview may: ask for a shorter time, or download the rosbag."
    ),
    "BAG_EXISTS": _("{file} already holds a bag: choose another folder."),
    "WRITE_FAILED": _(
        "{file} cannot be written ({reason}): see to the disk of the worker, then try again."
    ),
    "EXPORT_FAILED": _(
        "The export failed here and has been logged: ask for it again, or ask an administrator."
    ),
    "EXPORT_BROKE_OFF": _(
        "The export was begun {attempts} times, and its worker ended each time before it was through: see to "
        "the memory and the disk of the worker's machine, then ask for it again."
    ),
    "EXPORT_TOO_LARGE": _(
        "The export grew beyond {most} bytes: ask for a shorter time or fewer topics."
    ),
    # What storage itself finds.
    "OBJECT_MISSING": _("{file} is no longer in the storage: upload the bag again."),
    "SIZE_MISMATCH": _(
        "{file} has {found} bytes in the storage, {size} were announced: upload the bag again."
    ),
    "CHECKSUM_MISMATCH": _(
        "{file} in the storage has another checksum than announced: upload the bag again."
    ),
    "SAME_CONTENT": _(
        "The same content is there already as {twin} (rosbag {id}): delete one of the two if you need "
        "only one."
    ),
    "VALUES_IMPLAUSIBLE": _(
        "The bag holds names or numbers that no recorder writes: check what made it, then "
        "upload it again."
    ),
    "VERIFICATION_FAILED": _(
        "The check of this bag failed here and has been logged: verify it again, or ask an "
        "administrator."
    ),
    "VERIFICATION_BROKE_OFF": _(
        "The check of this bag was begun {attempts} times, and its worker ended each time before it was "
        "through: see to the memory and the disk of the worker's machine, then verify it again."
    ),
}


def sentence(code: str, details: Mapping[str, str | int | float], fallback: str = "") -> str:
    """What a code means, in the language of the reader; `fallback` for a code unknown here."""
    template = SENTENCES.get(code)
    if template is None:
        return fallback
    try:
        return str(template).format_map(details)
    except (KeyError, IndexError, ValueError):
        # Details written by another version of the code.
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

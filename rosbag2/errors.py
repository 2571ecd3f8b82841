"""Codes of all that can be wrong with a bag, and their sentences.

A sentence says what is wrong, in which file, and what to do. Its words in braces are the details of
the code. This is the one catalogue: `storage.choices` translates from it when a sentence is shown.
"""

import re

Detail = str | int | float


def _(text: str) -> str:
    """Mark a text for `makemessages`."""
    return text


SENTENCES: dict[str, str] = {
    # Reasons to refuse a bag.
    "FOLDER_MISSING": _("There is no folder {file}: check the path."),
    "METADATA_MISSING": _(
        "The bag has no metadata.yaml, which the recorder writes when it ends: if it still records, stop it "
        "and add the bag again; else make a new one with `ros2 bag reindex`."
    ),
    "DATA_MISSING": _("The bag has no .db3 or .mcap file: add the whole folder that was recorded."),
    "METADATA_UNREADABLE": _(
        "{file} cannot be read ({reason}): restore the recorded file, "
        "or make a new one with `ros2 bag reindex`."
    ),
    "METADATA_REFUSED": _(
        "{file} is refused ({reason}); no recorder writes such a file: take it out of the bag, "
        "then it is made anew from the data."
    ),
    "METADATA_INCOMPLETE": _(
        "{file} says nothing in `{field}`: the recording was cut off before it was closed. "
        "Make a new one with `ros2 bag reindex`."
    ),
    "STORAGE_MISMATCH": _(
        "metadata.yaml gives the storage {storage}, but {file} is {found}: "
        "make a new one with `ros2 bag reindex`."
    ),
    "COMPRESSION_UNSUPPORTED": _(
        "{file} is compressed ({compression}), which is not supported: "
        "convert the bag to zstd or to no compression with `ros2 bag convert`."
    ),
    "SERIALIZATION_UNSUPPORTED": _(
        "No message of the bag can be replayed: topic {topic} in {file} is serialized as {serialization}, "
        "and only cdr can be. Convert the bag with a program that knows {serialization}."
    ),
    "ROS1_MESSAGES": _(
        "{file} holds messages of ROS 1, such as those of topic {topic}, which ROS 2 cannot read: convert "
        "the ROS 1 bag that it was made from with `rosbags-convert --src FILE.bag --dst FOLDER` "
        "(`pip install rosbags`), and add that folder."
    ),
    "PATH_UNSAFE": _(
        "{file} leads out of the bag's folder: put the file itself into the folder instead of a link."
    ),
    "FILE_MISSING": _(
        "metadata.yaml lists {file}, which is not in the bag: add the file, "
        "or take it off the list with `ros2 bag reindex`."
    ),
    "FILE_UNREADABLE": _("{file} cannot be read ({reason}): check the file and its permissions."),
    "FILE_IS_LFS_POINTER": _(
        "{file} is a Git LFS pointer, not the recording itself: "
        "run `git lfs pull` where the bag was copied from and copy it again."
    ),
    "FILE_IS_ROS1_BAG": _(
        "{file} is a bag of ROS 1: convert it with `rosbags-convert --src {source} --dst {target}` "
        "(`pip install rosbags`), then add that folder."
    ),
    "FILE_IS_PACKED": _(
        "{file} is packed ({kind}): unpack it with `{command}`, then add what was in it."
    ),
    "FILE_IS_ANSWER": _(
        "{file} is not the recording but what a server answered instead ({kind}, it begins with “{start}”): "
        "download the recording again, and sign in where that is needed."
    ),
    "FILE_IS_EMPTY": _(
        "{file} is empty (0 bytes): copy it again; if it is empty where it was recorded, nothing was."
    ),
    "FILE_NOT_SQLITE": _(
        "{file} is not a SQLite database ({reason}): replace it with the file that was recorded."
    ),
    "FILE_NOT_MCAP": _(
        "{file} is not an MCAP file ({reason}): replace it with the file that was recorded."
    ),
    "FILE_UNKNOWN": _(
        "{file} is neither a SQLite database nor an MCAP file ({reason}): "
        "replace it with the file that was recorded."
    ),
    "WAL_MISSING": _(
        "{file} was copied without {wal}, which holds its messages: stop the recorder if it still records, "
        "then add both files."
    ),
    "SCHEMA_UNKNOWN": _(
        "{file} is a SQLite database, but not a recording of rosbag2 ({reason}): add the recording itself."
    ),
    "TOPICS_UNNAMED": _(
        "{file} holds messages but no names of topics ({reason}), as rosbag2 recorded them in 2018: "
        "nothing tells what they are, so they cannot be replayed. Record them again with a newer rosbag2."
    ),
    "FILE_DAMAGED": _(
        "{file} is damaged ({reason}): replace it with an intact copy of the recording."
    ),
    "FILE_UNFINISHED": _(
        "{file} was cut off before it was finished ({reason}): replace it with a complete copy, "
        "or save what is left with `mcap recover {file}`."
    ),
    "FILE_IMPLAUSIBLE": _(
        "{file} holds what no recorder writes ({reason}): replace it with the file that was recorded."
    ),
    "FILE_REFUSED": _(
        "{file} is refused ({reason}): record it again, or convert it with `mcap recover {file}`."
    ),
    "UNPACKS_TOO_LARGE": _(
        "{file} unpacks to more than {limit} bytes, far more than recordings do: "
        "unpack it yourself if you trust it, and add it uncompressed."
    ),
    "MESSAGE_TOO_LARGE": _(
        "{file} holds a message of {size} bytes on topic {topic}; at most {limit} bytes can be played. Leave "
        "the topic out with `ros2 bag convert`."
    ),
    "TOO_MANY_FILES": _(
        "The bag has more than {limit} files: join its splits with `ros2 bag convert`."
    ),
    "TOO_MANY_TOPICS": _(
        "{file} holds more than {limit} topics: leave some out with `ros2 bag convert`."
    ),
    "NAME_IMPLAUSIBLE": _(
        "{file} holds a name of a topic or type that no recorder writes ({reason}): "
        "rename it with `ros2 bag convert`, or check what made the bag."
    ),
    "EMPTY": _("The bag holds no messages; there is nothing to replay."),
    "NOTHING_LEFT": _(
        "Nothing of the bag can be saved ({reason}): replace it with an intact copy of the recording."
    ),
    # Archives.
    "ARCHIVE_UNREADABLE": _(
        "{file} cannot be unpacked ({reason}): pack the bag's folder again as .zip, .tar, .tar.gz or "
        ".tar.zst, and check that the copy is complete."
    ),
    "ARCHIVE_ENCRYPTED": _(
        "{file} is protected by a password: pack the bag's folder again without one."
    ),
    "ARCHIVE_MEMBER_UNSAFE": _(
        "{file} holds {member}, which is refused ({reason}): pack only the plain files of the bag's folder."
    ),
    "ARCHIVE_MEMBER_TWICE": _(
        "{file} holds {member} more than once: pack the bag's folder again, each file once."
    ),
    "ARCHIVE_TOO_LARGE": _(
        "{file} unpacks to more than {limit}, far more than recordings do: unpack it yourself if you "
        "trust it, and add the bag's folder."
    ),
    "ARCHIVE_NO_BAG": _(
        "{file} holds no bag ({reason}): pack the folder that holds metadata.yaml and the .db3 or .mcap "
        "files."
    ),
    "ARCHIVE_TWO_BAGS": _(
        "{file} holds {bags} bags ({first}, {second}): pack each of them by itself."
    ),
    "NO_SPACE": _(
        "There is not enough space on the disk to unpack {file}: free some, then try again."
    ),
    # The check itself was ended.
    "CHECK_TOO_SLOW": _(
        "The check of this bag was ended after {seconds} s, as it made too little progress: "
        "convert the bag with `ros2 bag convert` and try again."
    ),
    "CHECK_TOO_LARGE": _(
        "The check of this bag needed more than {megabytes} MB of memory and was ended: "
        "convert the bag with `ros2 bag convert` into smaller messages or chunks."
    ),
    "CHECK_BROKE_OFF": _(
        "The check of this bag broke off ({reason}): try again, and tell an administrator if it "
        "happens again."
    ),
    # A repaired bag.
    "REBUILT": _("The bag was made anew with all {kept} messages that its files hold."),
    "RESCUED": _(
        "The bag was repaired: {kept} messages were saved, {lost} are known to be lost "
        "(stretches of time: {spans})."
    ),
    "RESCUED_UNCOUNTED": _(
        "The bag was repaired: {kept} messages were saved; how many are lost is not known "
        "(stretches of time: {spans})."
    ),
    # Warnings: the bag can be used, and its data count.
    "UNLISTED_FILE": _(
        "{file} is not listed in metadata.yaml and is ignored ({files} such files)."
    ),
    "FILE_LISTED_TWICE": _("metadata.yaml lists {file} more than once; it is replayed once."),
    "VERSION_UNKNOWN": _(
        "metadata.yaml has version {version}, which is newer than what is known here; "
        "check the topics before you use the bag."
    ),
    "COUNT_MISMATCH": _(
        "metadata.yaml promises {listed} messages, the data hold {found}; of {topic} it promises "
        "{topic_listed}, they hold {topic_found} (topics that differ: {topics}); the data count."
    ),
    "WAL_ABSENT": _(
        "{file} was written together with {wal}, which is not there and may hold what is missing: if the bag "
        "was copied while it was recorded, stop the recorder and add both files."
    ),
    "TIME_MISMATCH": _(
        "metadata.yaml gives start {listed_start} and duration {listed_duration}, "
        "the data say {start} and {duration}; the data count."
    ),
    "TYPE_MISMATCH": _(
        "metadata.yaml gives topic {topic} the type {listed}, the data say {found} "
        "(topics that differ: {topics}); the data count."
    ),
    "QOS_MISMATCH": _(
        "metadata.yaml gives topic {topic} the QoS `{policy}: {listed}`, the data say `{found}` "
        "(topics that differ: {topics}); the data count."
    ),
    "TOPIC_AMBIGUOUS": _(
        "{file} holds topic {topic} more than once with different types or QoS "
        "({topics} such topics); all its messages are replayed under the one name."
    ),
    "ORPHAN_MESSAGES": _(
        "{file} holds {found} messages that belong to no topic; they cannot be replayed."
    ),
    "MESSAGES_INVALID": _(
        "{file} holds {messages} messages whose data are damaged: they begin like no CDR message, or cannot "
        "be unpacked ({topics} topics, most of them of {topic}); they are left out."
    ),
    "TIMES_IMPOSSIBLE": _(
        "{file} holds {messages} messages at times that contradict the messages around them or the rest of "
        "the file (the first of topic {topic}, at {time_ns} ns): their times are damaged, or the clock was "
        "wrong for a moment."
    ),
    "COMPRESSION_MISMATCH": _(
        "metadata.yaml gives the compression mode `{listed}`, the data have `{found}`; the data count."
    ),
    "SUMMARY_MISSING": _("{file} has no summary; it was read from front to back."),
    "SUMMARY_MISMATCH": _(
        "The summary of {file} promises {listed} messages, the data hold {found}; the data count."
    ),
    "TRAILING_BYTES": _(
        "{file} goes on for {bytes} bytes behind its end that are no MCAP file; they are not read."
    ),
    "CHUNK_TIMES": _(
        "{file} says other times of its chunks than they hold ({chunks} chunks): "
        "some messages are replayed out of order."
    ),
    "TOPIC_SKIPPED": _(
        "Only cdr can be replayed: topics that are serialized as {serialization} are listed and skipped, "
        "{messages} messages in all: {topic}."
    ),
    "NAME_ODD": _(
        "Topic {topic} has a name that ROS 2 does not allow ({topics} such topics); it can be played where "
        "the transport carries such names."
    ),
    "SPAN_IMPLAUSIBLE": _(
        "The messages lie {days} days apart, none of them between {before_ns} ns and {after_ns} ns: a clock "
        "was set while they were recorded, or nothing was recorded for long. Set the longest gap of the "
        "template to some seconds: all messages are then played, and the silence between them is skipped."
    ),
    # Recording.
    "BAG_EXISTS": _("{file} already holds a bag: choose another folder."),
    "WRITE_FAILED": _(
        "{file} cannot be written ({reason}): check free space and permissions; "
        "what is not yet written is kept and tried again."
    ),
}

SHORTER: dict[str, str] = {
    "SPAN_IMPLAUSIBLE": _(
        "The messages lie {days} days apart: a clock was set while they were recorded, or nothing was "
        "recorded for long. Set the longest gap of the template to some seconds: all messages are then "
        "played, and the silence between them is skipped."
    ),
    "MESSAGE_TOO_LARGE": _(
        "{file} holds a message of more than {limit} bytes: leave its topic out with `ros2 bag convert`."
    ),
    "COUNT_MISMATCH": _(
        "metadata.yaml promises {listed} messages, the data hold {found}; the data count."
    ),
    "TIME_MISMATCH": _(
        "metadata.yaml gives start {listed_start_ns} ns and duration {listed_duration_ns} ns, "
        "the data say {start_ns} ns and {duration_ns} ns; the data count."
    ),
    "QOS_MISMATCH": _(
        "The QoS of topic {topic} differs between metadata.yaml and the data "
        "(topics that differ: {topics}); the data count."
    ),
    "COMPRESSION_MISMATCH": _(
        "metadata.yaml says otherwise than the data how they are compressed; the data count."
    ),
}
"""Sentences for details that say less: those that older versions stored, and where no topic is to blame."""

_MAX_DETAIL = 300
_STEERING = re.compile("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, changes of direction, and bytes that are no text."""


def bounded(details: dict[str, Detail]) -> dict[str, Detail]:
    """The same details, on one line: long texts cut, and signs that steer a terminal replaced."""
    return {
        name: _bounded(value) if isinstance(value, str) else value
        for name, value in details.items()
    }


def _bounded(text: str) -> str:
    cut = text[:_MAX_DETAIL] + "…" if len(text) > _MAX_DETAIL else text
    return _STEERING.sub("\N{REPLACEMENT CHARACTER}", re.sub(r"\s", " ", cut))


def sentence(code: str, details: dict[str, Detail]) -> str:
    """The English sentence of a code, its details filled in."""
    try:
        return SENTENCES[code].format_map(details)
    except KeyError:
        return SHORTER[code].format_map(details)


class BagError(Exception):
    """A bag that cannot be used, or cannot be written.

    `code` is stable; `details` fill the sentence; `file` is the file at fault as the bag names it,
    or "".
    """

    def __init__(self, code: str, **details: Detail) -> None:
        self.code = code
        self.details: dict[str, Detail] = bounded(details)
        self.file = str(details.get("file", ""))
        super().__init__(sentence(code, self.details))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.details)


def _rebuild(code: str, details: dict[str, Detail]) -> BagError:
    return BagError(code, **details)


def unreadable(file: str) -> BagError:
    """The error of a file that holds what no reader expects: any other exception while it is read."""
    return BagError("FILE_DAMAGED", file=file, reason="it holds what cannot be read")

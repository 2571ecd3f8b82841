"""Verification: can a bag be used, and with which warnings."""

import re
from dataclasses import replace
from pathlib import Path

from rosbag2.budget import MAX_NAME, Budget
from rosbag2.checks.index import BagIndex, Survey, survey_bag
from rosbag2.checks.metadata_checks import BagWarning, differences, warning
from rosbag2.checks.verdict import Verdict, rejected
from rosbag2.errors import BagError, unreadable
from rosbag2.formats.bundle import (
    nothing_to_read,
    present_files,
    require_few_entries,
    unlisted_files,
)
from rosbag2.formats.metadata import FILE_NAME, Topic, is_lfs_pointer, read_metadata
from rosbag2.reading.opening import head

NONE_OF = "it holds none of the {} messages that metadata.yaml promises"
_IMPOSSIBLE = re.compile("[\0\ud800-\udfff]")


def verify(folder: Path, budget: Budget | None = None) -> Verdict:
    """Judge a bag by its data, in one pass; a bad one is rejected with a reason, nothing is raised.

    A difference between metadata.yaml and the data is a warning.
    """
    try:
        survey = _survey(folder, budget)
        index = survey.index()
        warnings = (*_unlisted(folder, survey), *differences(survey, index))
        if not index.message_count:
            return replace(rejected(_nothing_to_play(survey, index)), warnings=warnings)
    except BagError as error:
        return rejected(error)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        name = Path(error.filename).name if isinstance(error.filename, str) else folder.name
        return rejected(BagError("FILE_UNREADABLE", file=name, reason=reason))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is no verdict: the rescue comes next
        return rejected(unreadable(folder.name))
    return Verdict("ready_with_warnings" if warnings else "ready", "", {}, warnings, index)


def _survey(folder: Path, budget: Budget | None) -> Survey:
    if not folder.is_dir():
        raise BagError("FOLDER_MISSING", file=folder.name)
    require_few_entries(folder)
    try:
        metadata = read_metadata(folder)
    except BagError as error:
        if error.code == "METADATA_MISSING":
            _blame_files(folder)
        raise
    survey = survey_bag(folder, metadata, budget)
    _require_names(survey)
    return survey


def _blame_files(folder: Path) -> None:
    """Report files that are no data, and pointers, of which a whole checkout is made, before metadata."""
    files = present_files(folder)
    if not files:
        raise nothing_to_read(folder)
    for file in files:
        if is_lfs_pointer(head(file.name, file.path)):
            raise BagError("FILE_IS_LFS_POINTER", file=file.name)


def _require_names(survey: Survey) -> None:
    """Refuse names that no page and no table should have to bear."""
    for same in survey.variants.values():
        for topic in same:
            if reason := _name_fault(topic):
                raise BagError("NAME_IMPLAUSIBLE", file=survey.files[0].name, reason=reason)


def _name_fault(topic: Topic) -> str:
    for name in (topic.name, topic.type, topic.serialization_format):
        if len(name) > MAX_NAME:
            return "it is too long"
        if _IMPOSSIBLE.search(name):
            return "it has signs that no text has"
    return "" if topic.name else "it is empty"


def _nothing_to_play(survey: Survey, index: BagIndex) -> BagError:
    """The reason to refuse a bag none of whose messages can be replayed."""
    foreign = [topic for topic in index.topics if topic.message_count]
    if not foreign:
        promised = survey.metadata.message_count
        # Where messages are promised something may be left of them; the repair looks.
        return (
            BagError("NOTHING_LEFT", reason=NONE_OF.format(promised))
            if promised
            else BagError("EMPTY")
        )
    topic = max(foreign, key=lambda topic: topic.message_count)
    stored = {variant.serialization_format for variant in survey.variants[topic.name]}
    file = survey.files[0].name if topic.serialization_format in stored else FILE_NAME
    if topic.serialization_format == "ros1":
        return BagError("ROS1_MESSAGES", file=file, topic=topic.name)
    return BagError(
        "SERIALIZATION_UNSUPPORTED",
        file=file,
        topic=topic.name,
        serialization=topic.serialization_format,
    )


def _unlisted(folder: Path, survey: Survey) -> list[BagWarning]:
    names = unlisted_files(folder, survey.files)
    return [warning("UNLISTED_FILE", file=names[0], files=len(names))] if names else []

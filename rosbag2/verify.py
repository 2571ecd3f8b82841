"""Whether a bag can be used, and what to know about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rosbag2.bundle import DATA_SUFFIXES, unlisted_files
from rosbag2.claims import BagWarning, differences, warning
from rosbag2.errors import BagError, Detail
from rosbag2.index import BagIndex, Survey, survey_bag
from rosbag2.metadata import is_lfs_pointer, read_metadata

Status = Literal["ready", "ready_with_warnings", "rejected"]


@dataclass(frozen=True)
class Verdict:
    """The outcome; `code` and `sentence` are empty and `index` is there unless rejected."""

    status: Status
    code: str
    details: dict[str, Detail]
    sentence: str
    warnings: tuple[BagWarning, ...]
    index: BagIndex | None


def verify(folder: Path) -> Verdict:
    """Judge a bag by its data, in one pass; a bad one is rejected with a reason, nothing is raised.

    What metadata.yaml says otherwise than the data is a warning.
    """
    try:
        survey = _survey(folder)
        index = survey.index()
        warnings = (*_unlisted(folder, survey), *differences(survey, index))
    except BagError as error:
        return Verdict("rejected", error.code, error.details, error.sentence, (), None)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        name = Path(error.filename).name if isinstance(error.filename, str) else folder.name
        failure = BagError("FILE_UNREADABLE", file=name, reason=reason)
        return Verdict("rejected", failure.code, failure.details, failure.sentence, (), None)
    return Verdict("ready_with_warnings" if warnings else "ready", "", {}, "", warnings, index)


def _survey(folder: Path) -> Survey:
    if not folder.is_dir():
        raise BagError("FOLDER_MISSING", file=folder.name)
    try:
        metadata = read_metadata(folder)
    except BagError as error:
        if error.code == "METADATA_MISSING":
            _blame_pointers(folder)
        raise
    survey = survey_bag(folder, metadata)
    _require_cdr(survey)
    return survey


def _blame_pointers(folder: Path) -> None:
    """A checkout without Git LFS lacks more than metadata.yaml; say what to fetch first."""
    for path in sorted(folder.iterdir()):
        if path.name.endswith(DATA_SUFFIXES) and path.is_file():
            with path.open("rb") as stream:
                if is_lfs_pointer(stream.read(100)):
                    raise BagError("FILE_IS_LFS_POINTER", file=path.name)


def _require_cdr(survey: Survey) -> None:
    """Refuse what metadata or data call something else than CDR, where there is something to play."""
    played = {name for name, tally in survey.tallies.items() if tally.count}
    claimed = [("metadata.yaml", topic) for topic, _ in survey.metadata.topics]
    stored = [("the data", topic) for same in survey.variants.values() for topic in same]
    for file, topic in (*claimed, *stored):
        if topic.name in played and topic.serialization_format not in {"", "cdr"}:
            raise BagError(
                "SERIALIZATION_UNSUPPORTED",
                file=file,
                topic=topic.name,
                serialization=topic.serialization_format,
            )


def _unlisted(folder: Path, survey: Survey) -> list[BagWarning]:
    names = unlisted_files(folder, survey.files)
    return [warning("UNLISTED_FILE", file=names[0], files=len(names))] if names else []

"""Checks of the file paths of a bundle."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from common.exceptions import FieldError
from rosbag2.budget import MAX_FILES
from rosbag2.errors import bounded
from rosbag2.formats.bundle import DATA_SUFFIXES, count_files, foreign_file
from rosbag2.reading.belonging import is_litter, own_files
from storage.choices import sentence
from storage.exceptions import BundleRefusedError, FilesInvalidError, LinkOutsideError
from storage.keys import MAX_PATH_LENGTH, is_safe

BUNDLE_SUFFIXES = (".yaml", *DATA_SUFFIXES)
"""Every bundle has at least one file with such a suffix."""
LEFT_OUT = "FILES_LEFT_OUT"


def check_paths(paths: list[str]) -> None:
    """Refuse too many files, repeated names, and names that leave the bundle's folder.

    Raises:
        FilesInvalidError: `errors` points at each such name.
    """
    count = count_files(paths)
    if not paths or count > MAX_FILES:
        message = _(
            "A bundle has between 1 and %(max)d files beside metadata.yaml, this one has %(count)d: join "
            "its splits with `ros2 bag convert`."
        )
        raise FilesInvalidError(message % {"max": MAX_FILES, "count": count})
    detail = _(
        "Use each name once and not also as a folder, relative to the bundle, without .. or backslash, at "
        "most 400 characters."
    )
    counts = Counter(paths)
    folders = {parent for path in set(paths) for parent in _parents_of(path)}
    invalid = [
        index
        for index, path in enumerate(paths)
        if counts[path] > 1 or path in folders or not is_safe(path)
    ]
    if invalid:
        errors = [
            FieldError(f"/files/{index}/path", detail, "FILE_NAME_INVALID") for index in invalid
        ]
        message = _(
            "%(count)d file names cannot be used, such as %(file)s: rename the files and try again."
        )
        values = bounded({"count": len(invalid), "file": paths[invalid[0]]})
        raise FilesInvalidError(message % values, errors)


def _parents_of(path: str) -> Iterator[str]:
    """The parent folders of a path; none for a path that is too long, which is refused anyway."""
    if len(path) <= MAX_PATH_LENGTH:
        yield from (path[:index] for index, character in enumerate(path) if character == "/")


def check_is_bundle(folder: Path, paths: list[str]) -> None:
    """Refuse a folder that is no bundle, so that a folder given by mistake is not stored.

    Raises:
        FilesInvalidError: It has neither metadata.yaml nor a data file.
        BundleRefusedError: So it is, and one of its files is known to be something else.
    """
    if any(path.endswith(BUNDLE_SUFFIXES) for path in paths if "/" not in path):
        return
    if error := foreign_file(folder.iterdir()):
        raise BundleRefusedError(sentence(error.code, error.details), code=error.code)
    message = _(
        "%(path)s has no metadata.yaml and no .db3 or .mcap file: give the folder of the bundle. "
        "Nothing was stored."
    )
    raise FilesInvalidError(message % {"path": folder})


def check_links(folder: Path, paths: list[str]) -> None:
    """Refuse links that leave the folder: they could expose other files of this machine.

    Raises:
        LinkOutsideError: A file resolves to a path outside the folder.
    """
    root = folder.resolve()
    for path in paths:
        if not (folder / path).resolve().is_relative_to(root):
            message = _(
                "%(file)s is a link to a file outside the bundle's folder: put the file itself into the "
                "folder, or remove the link. Nothing was stored."
            )
            raise LinkOutsideError(message % {"file": path})


def own_and_others(folder: Path) -> tuple[list[str], list[str]]:
    """The paths of a bundle's files, and of what lies beside them and is left out; litter is in neither."""
    own = own_files(folder, files_of(folder))
    present = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(own), [path for path in present if path not in own and not is_litter(path)]


def left_out(paths: Iterable[str]) -> list[dict[str, Any]]:
    """The warning of a rosbag that files were left out, if there are any."""
    names = sorted(paths)
    if not names:
        return []
    return [{"code": LEFT_OUT, "details": bounded({"file": names[0], "files": len(names)})}]


def files_outside(unpacked: Path, bundle: Path) -> list[str]:
    """List the relative paths of what was unpacked beside the folder of the bundle."""
    return [
        path.relative_to(unpacked).as_posix()
        for path in unpacked.rglob("*")
        if path.is_file() and not path.is_relative_to(bundle)
    ]


def files_of(folder: Path) -> Iterator[str]:
    """List the relative paths of a bundle's files: in its folder and in its direct subfolders."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield entry.name
        elif entry.is_dir():
            yield from (
                f"{entry.name}/{child.name}" for child in entry.iterdir() if child.is_file()
            )

"""The files of a bag: which ones metadata.yaml lists, and where they are."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from rosbag2.budget import MAX_FILES
from rosbag2.errors import BagError
from rosbag2.formats.metadata import FILE_NAME, Metadata
from rosbag2.formats.signatures import HEAD_BYTES, foreign

PACKED_SUFFIXES = (".zstd", ".zst")
DATA_SUFFIXES = tuple(
    kind + packed for kind in (".db3", ".mcap") for packed in ("", *PACKED_SUFFIXES)
)
_MAX_LOOKED_AT = 100


@dataclass(frozen=True)
class DataFile:
    """A data file: its name within the bag, and its place on this machine."""

    name: str
    path: Path


def listed_files(folder: Path, metadata: Metadata) -> tuple[DataFile, ...]:
    """The data files that metadata lists, each once, in its order.

    Raises:
        BagError: PATH_UNSAFE, FILE_MISSING.
    """
    files: dict[Path, DataFile] = {}
    for listed in metadata.files:
        file = find_file(folder, listed)
        if file is None:
            raise BagError("FILE_MISSING", file=listed)
        files.setdefault(file.path.resolve(), file)
    return tuple(files.values())


def present_files(folder: Path) -> tuple[DataFile, ...]:
    """The data files in a folder by name, links left out; a packed one only without its unpacked twin."""
    paths = [
        path
        for path in sorted(folder.iterdir())
        if path.name.endswith(DATA_SUFFIXES) and path.is_file() and not path.is_symlink()
    ]
    names = {path.name for path in paths}
    return tuple(DataFile(path.name, path) for path in paths if not (names & _unpacked(path.name)))


def nothing_to_read(folder: Path) -> BagError:
    """Why a folder without a data file is no bag: what a file in it is instead, if that is known."""
    deeper = any(path.name.endswith(DATA_SUFFIXES) for path in folder.glob("*/*"))
    code = "METADATA_MISSING" if deeper else "DATA_MISSING"
    return foreign_file(folder.iterdir()) or BagError(code)


def foreign_file(paths: Iterable[Path]) -> BagError | None:
    """The error for the first of some files that is known to be something else; None when none is."""
    files = [path for path in sorted(paths) if path.is_file() and not path.is_symlink()]
    for path in files[:_MAX_LOOKED_AT]:
        with path.open("rb") as stream:
            error = foreign(path.name, stream.read(HEAD_BYTES))
        # Beside other files an empty one, or a page, need not be the recording.
        if error and (len(files) == 1 or error.code not in {"FILE_IS_EMPTY", "FILE_IS_ANSWER"}):
            return error
    return None


def unlisted_files(folder: Path, files: tuple[DataFile, ...]) -> list[str]:
    """Names of the data files beside the listed ones, sorted."""
    listed_names = {file.path.name for file in files}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name.endswith(DATA_SUFFIXES) and path.name not in listed_names and path.is_file()
    )


def count_files(names: Iterable[str]) -> int:
    """Number of files of a bag as `MAX_FILES` counts them, from their names or paths."""
    return sum(name.rpartition("/")[2] != FILE_NAME for name in names)


def require_few_files(names: Iterable[str]) -> None:
    """Refuse more files than anything here is made for, before any of them is opened.

    Raises:
        BagError: TOO_MANY_FILES.
    """
    if count_files(names) > MAX_FILES:
        raise BagError("TOO_MANY_FILES", limit=MAX_FILES)


def require_few_entries(folder: Path) -> None:
    """Refuse a folder with too many entries, as `require_few_files` does."""
    with os.scandir(folder) as entries:
        require_few_files(entry.name for entry in entries)


def require_complete(metadata: Metadata) -> None:
    """Refuse metadata that do not say where the data are.

    Raises:
        BagError: METADATA_INCOMPLETE, TOO_MANY_FILES, COMPRESSION_UNSUPPORTED.
    """
    require_few_files(metadata.files)
    if not metadata.storage_id:
        raise BagError("METADATA_INCOMPLETE", file=FILE_NAME, field="storage_identifier")
    if not metadata.files:
        raise BagError("METADATA_INCOMPLETE", file=FILE_NAME, field="relative_file_paths")
    if metadata.compression_mode and metadata.compression_format not in {"", "zstd"}:
        kind = f"{metadata.compression_format} {metadata.compression_mode}".strip()
        raise BagError("COMPRESSION_UNSUPPORTED", file=metadata.files[0], compression=kind)


def find_file(folder: Path, listed: str) -> DataFile | None:
    """Find a listed file; None when it is not there.

    Older versions put the bag's own folder in front of its name, some recorders the whole path on their
    machine; version 9 leaves off the suffix of compressed files, and who unpacks files by hand does not
    change the list. Whatever the path says, only the bag's own folder is looked into.

    Raises:
        BagError: PATH_UNSAFE, for a link that leads out of the bag.
    """
    parts = _parts_below(listed)
    # A file of the bag lies in its folder or directly below; the path to it may be of another machine.
    for tail in (parts, parts[1:], parts[-2:], parts[-1:]):
        place = folder.joinpath(*tail)
        for candidate in (place, *_variants(place)) if tail else ():
            if _is_file(candidate):
                if not candidate.resolve().is_relative_to(folder.resolve()):
                    raise BagError("PATH_UNSAFE", file=listed)
                return DataFile(candidate.relative_to(folder).as_posix(), candidate)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _variants(place: Path) -> list[Path]:
    plain = next(iter(_unpacked(place.name)), place.name)
    names = [plain, *(plain + suffix for suffix in PACKED_SUFFIXES)]
    return [place.with_name(name) for name in names if name != place.name]


def _unpacked(name: str) -> set[str]:
    return {name.removesuffix(suffix) for suffix in PACKED_SUFFIXES if name.endswith(suffix)}


def _parts_below(listed: str) -> tuple[str, ...]:
    """The parts of a path below its root, its drive, and whatever `..` leads to."""
    path = PureWindowsPath(listed)
    parts = path.parts[1:] if path.anchor else path.parts
    above = [place for place, part in enumerate(parts) if part == ".."]
    return parts[above[-1] + 1 :] if above else parts

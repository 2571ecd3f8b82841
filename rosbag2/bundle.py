"""The files of a bag: which ones metadata.yaml lists, and where they are."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from rosbag2.errors import BagError
from rosbag2.metadata import FILE_NAME, Metadata

DATA_SUFFIXES = (".db3", ".mcap", ".db3.zstd", ".mcap.zstd")


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
    found: dict[Path, DataFile] = {}
    for listed in metadata.files:
        path = _locate(folder, listed)
        found.setdefault(path.resolve(), DataFile(path.relative_to(folder).as_posix(), path))
    return tuple(found.values())


def unlisted_files(folder: Path, files: tuple[DataFile, ...]) -> list[str]:
    """Names of the data files beside the listed ones, sorted."""
    known = {file.path.name for file in files}
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name.endswith(DATA_SUFFIXES) and path.name not in known and path.is_file()
    )


def require_readable(metadata: Metadata) -> None:
    """Refuse what this room cannot read yet.

    Raises:
        BagError: METADATA_INCOMPLETE, STORAGE_UNSUPPORTED, COMPRESSION_UNSUPPORTED.
    """
    if not metadata.storage_id:
        raise BagError("METADATA_INCOMPLETE", file=FILE_NAME, field="storage_identifier")
    if not metadata.files:
        raise BagError("METADATA_INCOMPLETE", file=FILE_NAME, field="relative_file_paths")
    first = metadata.files[0]
    if metadata.storage_id != "sqlite3":
        raise BagError("STORAGE_UNSUPPORTED", file=first, storage=metadata.storage_id)
    if metadata.compression_mode:
        kind = f"{metadata.compression_format} {metadata.compression_mode}".strip()
        raise BagError("COMPRESSION_UNSUPPORTED", file=first, compression=kind)


def _locate(folder: Path, listed: str) -> Path:
    """Find a listed file; older versions put the bag's own folder in front of its name."""
    parts = _safe_parts(listed)
    if not parts:
        raise BagError("PATH_UNSAFE", file=listed)
    for candidate in (folder.joinpath(*parts), folder.joinpath(*parts[1:]), folder / parts[-1]):
        if candidate != folder and candidate.is_file():
            if not candidate.resolve().is_relative_to(folder.resolve()):
                raise BagError("PATH_UNSAFE", file=listed)
            return candidate
    raise BagError("FILE_MISSING", file=listed)


def _safe_parts(listed: str) -> tuple[str, ...]:
    """The parts of a relative path that stays inside the bag, none when it does not."""
    windows = PureWindowsPath(listed)
    unsafe = windows.is_absolute() or windows.drive or windows.root or ".." in windows.parts
    if unsafe or "\0" in listed or PurePosixPath(listed).is_absolute():
        return ()
    return windows.parts

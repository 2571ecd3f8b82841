"""Archives of bags, from strangers: unpacked within limits, and the one bag in them found."""

import shutil
from collections.abc import Sized
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO

from rosbag2.budget import MAX_FILES, Budget, max_unpacked
from rosbag2.errors import BagError, Detail
from rosbag2.formats.bundle import DATA_SUFFIXES, count_files, foreign_file, require_few_files
from rosbag2.formats.metadata import FILE_NAME
from rosbag2.formats.names import MAX_PART_BYTES, is_visible
from rosbag2.reading.archive_members import BROKEN, Member, members, why_broken
from rosbag2.reading.belonging import is_litter

SUFFIXES = (
    ".zip",
    ".tar",
    *(".tar." + packed for packed in ("gz", "bz2", "xz", "zst", "zstd")),
    *(".tgz", ".tbz2", ".txz", ".tzst"),
)
MAX_DEPTH = 20
MAX_LINKS = 40
"""Links that lead to one another, as many as Linux follows."""
HEADER_BYTES = 64 * 2**20
"""Bytes that a tar may hold beside the content of its members."""
SPARE_BYTES = 256 * 2**20
"""Bytes of the disk that unpacking leaves free."""

_BLOCK = 2**20


def is_archive(name: str) -> bool:
    """Return whether a file of that name is an archive that can hold a bag."""
    return name.lower().endswith(SUFFIXES)


def bare_name(name: str) -> str:
    """The name of an archive or of a data file, without folders and suffix."""
    last = PurePosixPath(name).name
    for suffix in sorted((*SUFFIXES, *DATA_SUFFIXES), key=len, reverse=True):
        if last.lower().endswith(suffix) and len(last) > len(suffix):
            return last[: -len(suffix)]
    return last


def unpack(source: Path, target: Path, budget: Budget | None = None, *, language: str = "") -> str:
    """Unpack an archive into the empty folder `target`, and find the bag in it.

    `language` is that of its sender, for names in it that are not Unicode.

    Returns:
        The bag's folder below `target`; the bag itself is not checked.

    Raises:
        BagError: the archive is refused, cannot be read, or does not hold exactly one bag.
    """
    try:
        unpacking = _Unpacking(source, target, budget or Budget())
        unpacking.run(language)
        bag = find_bag(source.name, target)
        unpacking.follow_links(bag)
    except BROKEN as error:
        reason = why_broken(error)
        raise BagError("ARCHIVE_UNREADABLE", file=source.name, reason=reason) from error
    except OSError as error:
        reason = error.strerror or why_broken(error)
        raise BagError("ARCHIVE_UNREADABLE", file=source.name, reason=reason) from error
    return bag


@dataclass
class _Unpacking:
    source: Path
    target: Path
    budget: Budget
    unpacked: int = 0
    passed: int = 0
    files: int = 0
    paths: set[str] = field(default_factory=set)
    links: dict[str, Member] = field(default_factory=dict)

    @property
    def limit(self) -> int:
        return max_unpacked(self.source.stat().st_size)

    def run(self, language: str) -> None:
        """Unpack all members, except symbolic links.

        Raises:
            BagError: it is refused.
            OSError, and errors of the libraries: it cannot be read.
        """
        self.target.mkdir(parents=True, exist_ok=True)
        with members(self.source, language, self._pass) as found:
            if isinstance(found, Sized):
                require_few_files(each.name for each in found if not is_litter(each.name))
            for member in found:
                self._take(member)
        for link in self.links.values():
            if not link.symbolic:
                self._write_linked(link)

    def follow_links(self, bag: str) -> None:
        """Put the files in the place of the symbolic links within the bag; those beside it are nobody's.

        Raises:
            BagError: a link within the bag leads to no file of the archive.
        """
        inside = PurePosixPath(bag)
        for link in self.links.values():
            if link.symbolic and PurePosixPath(link.name).is_relative_to(inside):
                self._write_linked(link)

    def _take(self, member: Member) -> None:
        if is_litter(member.name):
            return
        parts = _safe_parts(member.name)
        reason = member.fault or (
            "" if parts else "its path is not a plain relative one, or too long"
        )
        if member.link and not _safe_parts(member.link):
            reason = "it is a link that leads out of the archive"
        if reason:
            raise self._refusal("ARCHIVE_MEMBER_UNSAFE", member=member.name, reason=reason)
        path = "/".join(parts)
        if path in self.paths:
            raise self._refusal("ARCHIVE_MEMBER_TWICE", member=member.name)
        self.paths.add(path)
        self.files += count_files([path])
        if self.files > MAX_FILES:
            raise BagError("TOO_MANY_FILES", limit=MAX_FILES)
        if member.link:
            self.links[path] = member
        else:
            self._write(member)

    def _write_linked(self, link: Member) -> None:
        """Write the file that a link leads to, over other links too, in its place."""
        place = link.link
        for _step in range(MAX_LINKS):
            if place not in self.links:
                break
            place = self.links[place].link
        linked = self.target.joinpath(*_safe_parts(place))
        if not linked.is_file():
            reason = f"it is a link to {link.link}, which is no file in the archive"
            raise self._refusal("ARCHIVE_MEMBER_UNSAFE", member=link.name, reason=reason)
        self._write(Member(link.name, linked.stat().st_size, (lambda: linked.open("rb"),)))

    def _write(self, member: Member) -> None:
        self._require_room(member.size)
        place = self.target.joinpath(*_safe_parts(member.name))
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as sink:
                self._copy(member, sink)
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise self._refusal("ARCHIVE_MEMBER_TWICE", member=member.name) from error

    def _copy(self, member: Member, sink: IO[bytes]) -> None:
        """Copy the content, by the first way in which it is sound."""
        *others, last = member.streams
        for way in (*others, last):
            sink.truncate(sink.seek(0))
            try:
                with way() as stream:
                    while block := stream.read(_BLOCK):
                        sink.write(block)
                        self.unpacked += len(block)
                        self.budget.advance(len(block))
                return
            except BROKEN:
                if way is last:
                    raise

    def _require_room(self, size: int) -> None:
        if self.unpacked + size > self.limit:
            raise self._refusal("ARCHIVE_TOO_LARGE", limit=f"{self.limit} bytes")
        if size + SPARE_BYTES > shutil.disk_usage(self.target).free:
            raise self._refusal("NO_SPACE")

    def _pass(self, amount: int) -> None:
        """Count the bytes out of a compressed tar, skipped members included."""
        self.passed += amount
        self.budget.advance(amount)
        if self.passed > self.limit + HEADER_BYTES:
            raise self._refusal("ARCHIVE_TOO_LARGE", limit=f"{self.limit} bytes")

    def _refusal(self, code: str, **details: Detail) -> BagError:
        return BagError(code, file=self.source.name, **details)


def _safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a relative path that stays inside on every system, none when it does not."""
    windows = PureWindowsPath(name)
    outside = windows.is_absolute() or windows.drive or windows.root or ".." in windows.parts
    parts = PurePosixPath(name).parts
    too_long = any(len(part.encode(errors="replace")) > MAX_PART_BYTES for part in parts)
    odd = "\\" in name or not is_visible(name) or too_long
    if outside or odd or len(parts) > MAX_DEPTH or PurePosixPath(name).is_absolute():
        return ()
    return parts


def find_bag(archive: str, folder: Path) -> str:
    """The folder of the one bag below `folder`, relative to it.

    Raises:
        BagError: ARCHIVE_NO_BAG, ARCHIVE_TWO_BAGS; they name the archive.
    """
    described: set[PurePosixPath] = set()
    holding: set[PurePosixPath] = set()
    nested = ""
    for path in sorted(folder.rglob("*")):
        place = PurePosixPath(path.relative_to(folder).parent.as_posix())
        if path.name == FILE_NAME:
            described.add(place)
        elif path.name.endswith(DATA_SUFFIXES) and path.is_file():
            holding.add(place)
        elif is_archive(path.name):
            nested = nested or path.name
    folders = sorted(
        place for place in described | holding if not described.intersection(place.parents)
    )
    if not folders and nested:
        reason = f"it holds another archive, {nested}"
        raise BagError("ARCHIVE_NO_BAG", file=archive, reason=reason)
    if not folders:
        files = [path for path in folder.rglob("*") if path.is_file()]
        reason = "it has no data file" if files else "it is empty"
        raise foreign_file(files) or BagError("ARCHIVE_NO_BAG", file=archive, reason=reason)
    if len(folders) > 1:
        first, second = (str(place) for place in folders[:2])
        raise BagError(
            "ARCHIVE_TWO_BAGS", file=archive, first=first, second=second, bags=len(folders)
        )
    return str(folders[0])

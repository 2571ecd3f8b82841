"""The MCAP store of rosbag2: the messages of one data file in time order, chunk by chunk."""

import os
from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO

from rosbag2.budget import MAX_CHUNK, MAX_NAME, MAX_TOPICS, Budget, max_unpacked
from rosbag2.errors import BagError
from rosbag2.formats import mcap_records as records
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.mcap_chunks import LargeMessagesError, load_chunk
from rosbag2.formats.mcap_records import Catalogue, Chunk
from rosbag2.formats.mcap_rows import Row, columns, rows
from rosbag2.formats.metadata import Topic
from rosbag2.formats.stored_message import PLAIN
from rosbag2.reading.base import Doubt, Message
from rosbag2.reading.contents import Contents
from rosbag2.reading.failures import guarded
from rosbag2.reading.mcap_layout import Run, read_layout
from rosbag2.reading.mcap_order import Piece, doubts_of, in_order, max_overlap, sorted_on_disk

if TYPE_CHECKING:
    from rosbag2.reading.columns import Samples

MAX_OVERLAP = 64 * 2**20
"""Bytes of pieces that share time and are held in memory at once; more are sorted on disk."""

_TIME = itemgetter(0)
_SAMPLE_TIME = itemgetter(1)
_LATEST = 2**63 - 1
_ROWS_AT_ONCE = 50_000


class McapStore:
    """One data file, open for reading; made by `opening.open_store`."""

    kind = "mcap"
    order_fault = ""

    def __init__(self, file: DataFile, stream: BinaryIO, budget: Budget) -> None:
        self.file = file
        self.stream = stream
        self.budget = budget
        self.layout = read_layout(file.name, stream)
        self.catalogue = self.layout.catalogue
        self._limit = max_unpacked(stream.seek(0, os.SEEK_END))
        self._check_size()
        self._pieces: list[Piece] | None = None
        self._wrong_times = 0
        self._sample_count = 0
        self.doubts: list[Doubt] = []
        if not self._has_all_channels():
            self._discover()
        self.ros_distro = self.catalogue.ros_distro
        self.topics = topics_of(file.name, self.catalogue)
        self.contents = Contents(file.name, self.topics, self._limit, budget)

    def _check_size(self) -> None:
        if sum(min(chunk.size, MAX_CHUNK) for chunk in self.layout.chunks) > self._limit:
            raise BagError("UNPACKS_TOO_LARGE", file=self.file.name, limit=self._limit)

    def _has_all_channels(self) -> bool:
        layout = self.layout
        if layout.chunks and not layout.every_chunk_indexed:
            return False
        return layout.indexed <= self.catalogue.channels.keys()

    def _discover(self) -> None:
        """Look for channels inside the chunks, where nothing outside names them all."""
        for chunk in self.layout.chunks:
            self._rows(chunk)

    def _load(self, piece: Chunk | Run) -> tuple[bytes, list[tuple[int, int, int]]]:
        """The records of a piece; channel, time and size of messages that are too large are beside them."""
        chunk = records.plain_chunk(piece.start, piece.end) if isinstance(piece, Run) else piece
        self.budget.make_room(chunk.size)
        large: list[tuple[int, int, int]] = []
        try:
            data = load_chunk(self.stream, chunk)
        except LargeMessagesError as error:
            base, data = self.layout.base(piece), error.others
            large = [(base + key, time, size) for key, time, size in error.messages]
        self.budget.advance(len(data) + sum(size for _, _, size in large))
        return data, large

    def _rows(self, piece: Chunk | Run) -> list[Row]:
        data, _ = self._load(piece)
        return rows(data, self.catalogue, self.layout.base(piece))

    def pieces(self) -> list[Piece]:
        """The parts of the file that hold messages, by time."""
        if self._pieces is None:
            with guarded(self.file.name):
                pieces = [self._piece(piece) for piece in self.layout.pieces]
            self._pieces = sorted(
                (piece for piece in pieces if piece), key=lambda piece: piece.first_ns
            )
        return self._pieces

    def _piece(self, part: Chunk | Run) -> Piece | None:
        first, last = part.first_ns, part.last_ns
        size = part.size if isinstance(part, Chunk) else part.end - part.start
        if isinstance(part, Chunk) and not 0 < first <= last <= _LATEST:
            # A claim that says nothing; look.
            times = [time for time, _, _ in self._rows(part)]
            if not times:
                return None
            first, last = min(times), max(times)
        return Piece(first, last, size, part)

    def span(self) -> tuple[int, int] | None:
        """First and last time, as the chunks claim them."""
        pieces = self.pieces()
        if not pieces:
            return None
        last = max(piece.last_ns for piece in pieces)
        if last > _LATEST:
            raise self._too_late()
        return pieces[0].first_ns, last

    def samples(self) -> "Iterator[Samples]":
        self._wrong_times = self._sample_count = self.contents.unpacked = 0
        self.doubts.clear()
        waiting: list[tuple[int, int, int]] = []
        for piece in self.layout.pieces:
            with guarded(self.file.name):
                fresh = self._measured(piece)
            self._check_times(piece, fresh)
            waiting += fresh
            if len(waiting) >= _ROWS_AT_ONCE:
                yield self._columns(waiting)
                waiting = []
        if waiting:
            yield self._columns(waiting)
        self.contents.require_small()

    def _measured(self, piece: Chunk | Run) -> list[tuple[int, int, int]]:
        data, large = self._load(piece)
        for key, _, size in large:
            self.contents.note_large(key, size)
        self._sample_count += len(large)
        return columns(data, self.catalogue, self.layout.base(piece), self.contents.size)

    def _check_times(self, piece: Chunk | Run, samples: list[tuple[int, int, int]]) -> None:
        """Compare the times of a chunk with its claim; a few that are far from it are doubts."""
        if samples and isinstance(piece, Chunk) and 0 < piece.first_ns <= piece.last_ns:
            first, last = min(samples, key=_SAMPLE_TIME)[1], max(samples, key=_SAMPLE_TIME)[1]
            if not piece.first_ns <= first <= last <= piece.last_ns:
                self._wrong_times += 1
                self.doubts += doubts_of(piece, samples, self._sample_count)
        self._sample_count += len(samples)

    def _columns(self, waiting: list[tuple[int, int, int]]) -> "Samples":
        from rosbag2.reading.columns import columns  # noqa: PLC0415 - numpy: only for who needs it

        for key in self.catalogue.channels.keys() - self.topics.keys():
            self.topics[key] = topic_of(self.catalogue, key)
        try:
            return columns(waiting)
        except OverflowError as error:
            raise self._too_late() from error

    def _too_late(self) -> BagError:
        reason = "a message later than the year 2262"
        return BagError("FILE_IMPLAUSIBLE", file=self.file.name, reason=reason)

    def rows(self) -> Iterator[tuple[int, int, bytes | None]]:
        for piece in self.layout.pieces:
            with guarded(self.file.name):
                content, large = self._load(piece)
                messages = rows(content, self.catalogue, self.layout.base(piece))
            del content  # may be as large as the largest message
            for key, time, _ in large:
                yield key, time, None
            for time, key, data in messages:
                yield key, time, self.contents.message(key, data)

    def findings(self) -> list[BagError]:
        """Oddities of the summary and the chunks; known after `samples`."""
        name = self.file.name
        findings = []
        if self.layout.unread:
            findings.append(BagError("TRAILING_BYTES", file=name, bytes=self.layout.unread))
        sections = len(self.layout.starts)
        if self.layout.summaries < sections:
            findings.append(BagError("SUMMARY_MISSING", file=name))
        promised = sum(self.catalogue.promised.values())
        if len(self.catalogue.promised) == sections and promised != self._sample_count:
            counts = {"listed": promised, "found": self._sample_count}
            findings.append(BagError("SUMMARY_MISMATCH", file=name, **counts))
        if self._wrong_times:
            findings.append(BagError("CHUNK_TIMES", file=name, chunks=self._wrong_times))
        return findings

    def messages(
        self, topics: Collection[str] | None, span: tuple[int, int] | None
    ) -> Iterator[Message]:
        """Messages in time order; pieces that share much time are sorted on disk."""
        if topics is not None and not topics:
            return
        pieces = [piece for piece in self.pieces() if span is None or _meets(piece, span)]
        # The largest piece is held whatever overlaps.
        largest = max((piece.size for piece in pieces), default=0)
        if max_overlap(pieces) > max(MAX_OVERLAP, largest):
            with TemporaryDirectory(prefix="robotsim-sort-", dir=self.budget.scratch) as spare:
                load = (self._named(piece, topics, span) for piece in pieces)
                yield from sorted_on_disk(load, Path(spare) / "sorted")
        else:
            yield from in_order(pieces, lambda piece: self._named(piece, topics, span))

    def _named(
        self, piece: Piece, topics: Collection[str] | None, span: tuple[int, int] | None
    ) -> list[Message]:
        """The messages of a piece by time, with the names of their topics."""
        with guarded(self.file.name):
            selected = self._rows(piece.part)
        names = {
            key: channel.topic
            for key, channel in self.catalogue.channels.items()
            if topics is None or channel.topic in topics
        }
        if span is not None:
            selected = [row for row in selected if span[0] <= row[0] <= span[1]]
        message = self.contents.message
        named = [
            (time, names[key], content)
            for time, key, data in selected
            if key in names
            and (content := data if data[:4] in PLAIN else message(key, data)) is not None
        ]
        named.sort(key=_TIME)
        return named


def _meets(piece: Piece, span: tuple[int, int]) -> bool:
    return piece.first_ns <= span[1] and piece.last_ns >= span[0]


def topics_of(name: str, catalogue: Catalogue) -> dict[int, Topic]:
    """The topics by their channel.

    Raises:
        BagError: TOO_MANY_TOPICS, NAME_IMPLAUSIBLE; they name the file.
    """
    if len({channel.topic for channel in catalogue.channels.values()}) > MAX_TOPICS:
        raise BagError("TOO_MANY_TOPICS", file=name, limit=MAX_TOPICS)
    if any(len(channel.topic) > MAX_NAME for channel in catalogue.channels.values()):
        raise BagError("NAME_IMPLAUSIBLE", file=name, reason="it is too long")
    return {key: topic_of(catalogue, key) for key in catalogue.channels}


def topic_of(catalogue: Catalogue, key: int) -> Topic:
    """A channel with its schema; without one it has no type."""
    channel = catalogue.channels[key]
    schema = catalogue.schemas.get(channel.schema_id) if channel.schema_id else None
    return Topic(
        name=channel.topic,
        type=schema.name if schema else "",
        serialization_format=channel.encoding,
        offered_qos_profiles=channel.qos,
        type_hash=channel.type_hash,
        definition=schema.text if schema else "",
        definition_encoding=schema.encoding if schema else "",
    )

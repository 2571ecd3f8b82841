"""Salvages the messages of an unfinished or damaged MCAP file: record by record, from front to back."""

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from rosbag2.budget import Budget
from rosbag2.checks.losses import Losses, saved_message
from rosbag2.formats import mcap_records as records
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.mcap_chunks import LargeMessagesError, TooLargeError, load_chunk
from rosbag2.formats.mcap_records import BrokenError, Catalogue, Chunk
from rosbag2.formats.mcap_rows import Row, rows, rows_before_damage
from rosbag2.formats.metadata import Topic
from rosbag2.reading.mcap import topic_of

Saved = tuple[Topic, int, bytes]
_BLOCK = 2**20
_HEAD = records.HEAD.size
# The beginning of a file, or a record's head: a known kind, and a length below four gigabytes.
_LIKELY = re.compile(re.escape(records.START) + rb"|[\x03-\x0f].{4}\x00{4}", re.DOTALL)
_OPCODES = range(1, 16)
_CHAIN = 3
_FIXED = {records.FOOTER: 20, records.DATA_END: 4}
_LATEST = 2**63


class McapSalvage:
    """The complete records of a damaged file, and the messages in them."""

    def __init__(self, file: DataFile, stream: BinaryIO, budget: Budget) -> None:
        self.file = file
        self.stream = stream
        self.budget = budget
        self.size = stream.seek(0, os.SEEK_END)
        self.losses = Losses(file.name)
        self.catalogue = Catalogue()
        self.base = 0
        self.time: int | None = None
        self.after_loss = False
        self._note_outside()

    @property
    def ros_distro(self) -> str:
        """The distribution that recorded it, "" where the file does not say."""
        return self.catalogue.ros_distro

    def _note_outside(self) -> None:
        """Channels of the summary first: a lost chunk may be the one that named them."""
        for opcode, place, length in self._records():
            if opcode in records.NOTED and length <= records.max_record_bytes(opcode):
                self._note(opcode, self._content(place, length))
        self.losses.spans.clear()
        self.losses.reasons.clear()
        self.losses.unread = 0

    def _note(self, opcode: int, content: bytes) -> None:
        try:
            self.catalogue.take(opcode, content, self.base)
        except BrokenError as error:
            self.losses.reasons.append(str(error))

    def messages(self, expected: int | None = None) -> Iterator[Saved]:
        """Yield every message that is left, and add the rest to `losses`.

        `expected` is how many the file should hold, where that is known.
        """
        saved = 0
        topics: dict[int, Topic] = {}
        for opcode, place, length in self._records():
            for time, channel, data in self._rows(opcode, place, length):
                if channel not in topics and channel in self.catalogue.channels:
                    topics[channel] = topic_of(self.catalogue, channel)
                if channel not in topics or time >= _LATEST:
                    self.losses.add(
                        "a message belongs to no topic", time % _LATEST, time % _LATEST, 1
                    )
                    continue
                self.time = time
                message = saved_message(self.losses, topics[channel], time, data)
                if message is not None:
                    saved += 1
                    yield topics[channel], time, message
        self._finish(expected, saved)

    def _finish(self, expected: int | None, saved: int) -> None:
        spans = self.losses.spans
        if expected is None or not spans or spans[-1].messages is not None:
            return
        missing = expected - saved - sum(span.messages or 0 for span in spans)
        if missing > 0:
            self.losses.count_more(missing)

    def _rows(self, opcode: int, place: int, length: int) -> list[Row]:
        if opcode == records.CHUNK:
            return self._chunk(place, length)
        if opcode == records.MESSAGE:
            data = self._load(records.plain_chunk(place - _HEAD, place + length))
            self.after_loss = False
            return rows(data, self.catalogue, self.base)
        if opcode == records.MESSAGE_INDEX and self.after_loss:
            self.losses.count_more((length - 6) // 16)
        return []

    def _chunk(self, place: int, length: int) -> list[Row]:
        chunk = self._chunk_head(place, length)
        if chunk is None:
            return []
        self.after_loss = False
        try:
            data = self._load(chunk)
        except (BrokenError, TooLargeError) as error:
            self.after_loss = True
            self.losses.add(str(error), *_claimed(chunk))
            return []
        try:
            return rows(data, self.catalogue, self.base)
        except BrokenError:
            saved, broken = rows_before_damage(data, self.catalogue, self.base)
        first, last = _claimed(chunk)
        self.losses.add(broken, saved[-1][0] if saved else first, last)
        return saved

    def _load(self, chunk: Chunk) -> bytes:
        """The records of a chunk; messages that are too large are lost, and named."""
        self.budget.make_room(chunk.size)
        try:
            data = load_chunk(self.stream, chunk)
        except LargeMessagesError as error:
            data = error.others
            for channel, time, _ in error.messages:
                known = self.catalogue.channels.get(self.base + channel)
                self.losses.add(str(error), time, time, 1, known.topic if known else "")
        self.budget.advance(max(len(data), chunk.stored))
        return data

    def _chunk_head(self, place: int, length: int) -> Chunk | None:
        self.stream.seek(place)
        try:
            return records.read_chunk_head(self.stream, place - _HEAD, length)
        except BrokenError as error:
            self.losses.add(str(error), self.time, None)
            return None

    def _content(self, place: int, length: int) -> bytes:
        self.stream.seek(place)
        return self.stream.read(length)

    def _records(self) -> Iterator[tuple[int, int, int]]:
        """Kind, start and length of the content of every complete record, gaps skipped."""
        place = self.base = 0
        while place < self.size:
            opcode, length, complete = self._head(place)
            if opcode == records.START[0] and self._begins(place):
                self.base += records.SECTION
                place += len(records.MAGIC)
                continue
            if complete:
                yield opcode, place + _HEAD, length
                place += _HEAD + length
                if opcode == records.FOOTER:
                    place = self._behind_end(place)
                continue
            if (chunk := self._cut_chunk(opcode, place, length)) is not None:
                yield from self._inside(chunk)
                return
            following = self._resume(place + 1)
            reason = f"no record can be read from byte {place} to byte {following}"
            self.losses.add(reason, self.time, None)
            place = following

    def _begins(self, place: int) -> bool:
        """Return whether a file begins; each of joined ones counts its channels anew."""
        return self._content(place, len(records.START)) == records.START

    def _behind_end(self, place: int) -> int:
        """The beginning of the file that is joined behind a footer; the end if there is none."""
        closing = self._content(place, len(records.MAGIC))
        if not records.MAGIC.startswith(closing):
            return place  # what looked like a footer is none
        end = place + len(closing)
        following = records.next_file(self.stream, end)
        self.losses.unread += following - end
        return following

    def _head(self, place: int) -> tuple[int, int, bool]:
        head = self._content(place, _HEAD)
        if len(head) < _HEAD:
            return 0, 0, False
        opcode, length = records.HEAD.unpack(head)
        complete = place + _HEAD + length <= self.size and self._plausible(opcode, place, length)
        return opcode, length, complete

    def _plausible(self, opcode: int, place: int, length: int) -> bool:
        if opcode not in _OPCODES and opcode < records.PRIVATE:
            return False
        if opcode in _FIXED:
            return length >= _FIXED[opcode]
        if opcode == records.MESSAGE:
            small = length <= records.max_record_bytes(opcode)
            return length >= records.MESSAGE_FIELDS and (small or self._follows(place, length))
        if opcode == records.CHUNK:
            self.stream.seek(place + _HEAD)
            try:
                chunk = records.read_chunk_head(self.stream, place, length)
            except BrokenError:
                return False
            return chunk.start + chunk.stored == place + _HEAD + length
        return True

    def _follows(self, place: int, length: int) -> bool:
        """Return whether a record stands behind one that is very large: else its length is damaged."""
        end = place + _HEAD + length
        return end == self.size or (end < self.size and self._head(end)[2])

    def _cut_chunk(self, opcode: int, place: int, length: int) -> Chunk | None:
        """The chunk that the end of the file cuts off."""
        if opcode != records.CHUNK or place + _HEAD + length <= self.size:
            return None
        self.stream.seek(place + _HEAD)
        try:
            chunk = records.read_chunk_head(self.stream, place, length)
        except BrokenError:
            return None
        return chunk if chunk.start + chunk.stored == place + _HEAD + length else None

    def _inside(self, chunk: Chunk) -> Iterator[tuple[int, int, int]]:
        """The complete records of a chunk that is cut off; a compressed one is lost."""
        place = self.size if chunk.compression else chunk.start
        while place < self.size:
            opcode, length, complete = self._head(place)
            if not complete:
                break
            if opcode in records.NOTED:
                self._note(opcode, self._content(place + _HEAD, length))
            elif opcode == records.MESSAGE:
                yield opcode, place + _HEAD, length
            place += _HEAD + length
        first, _ = _claimed(chunk)
        self.losses.add("a chunk is cut off", first if chunk.compression else self.time, None)

    def _resume(self, place: int) -> int:
        """Find the next place with a few complete records in a row; the end if there is none."""
        while place < self.size:
            block = self._content(place, _BLOCK + _HEAD)
            for match in _LIKELY.finditer(block):
                found = place + match.start()
                is_start = match[0] == records.START
                if match.start() < _BLOCK and (is_start or self._chained(found)):
                    return found
            self.budget.advance(min(_BLOCK, len(block)))
            place += _BLOCK
        return self.size

    def _chained(self, place: int) -> bool:
        for _ in range(_CHAIN):
            opcode, length, complete = self._head(place)
            if not complete or opcode not in _OPCODES:
                return False
            if opcode == records.FOOTER:
                return True
            place += _HEAD + length
            if place == self.size:
                return True
        return True


def _claimed(chunk: Chunk) -> tuple[int | None, int | None]:
    """First and last time as a chunk claims them, None where that cannot be."""
    if 0 < chunk.first_ns <= chunk.last_ns < _LATEST:
        return chunk.first_ns, chunk.last_ns
    return None, None

"""Salvages the messages of an unfinished or damaged MCAP file: record by record, from front to back."""

import os
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from rosbag2.budget import Budget
from rosbag2.checks.losses import Losses, saved_message
from rosbag2.formats import mcap_records as records
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.mcap_chunks import LargeMessagesError, TooLargeError, load_chunk, unpack_chunk
from rosbag2.formats.mcap_records import BrokenError, Chunk
from rosbag2.formats.mcap_rows import Row, rows, rows_before_damage
from rosbag2.formats.metadata import Topic
from rosbag2.recovery.mcap_names import McapNames
from rosbag2.recovery.names import Listed

Saved = tuple[Topic, int, bytes]
_BLOCK = 2**20
_HEAD = records.HEAD.size
# The beginning of a file, or a record's head: a known kind, and a length below four gigabytes.
_LIKELY = re.compile(re.escape(records.START) + rb"|[\x02-\x0f].{4}\x00{4}", re.DOTALL)
_CHAIN = 3
_MAX_GUESSED = 64 * 2**20
"""Bytes of the largest chunk that is unpacked although it claims another size."""
_LATEST = 2**63


class McapSalvage:
    """The complete records of a damaged file, and the messages in them."""

    def __init__(
        self,
        file: DataFile,
        stream: BinaryIO,
        budget: Budget,
        listed: Collection[Listed] = (),
    ) -> None:
        self.file = file
        self.stream = stream
        self.budget = budget
        self.size = stream.seek(0, os.SEEK_END)
        self.losses = Losses(file.name)
        self.names = McapNames(listed)
        self.base = 0
        self.time: int | None = None
        self.after_loss = False
        self._note_outside()
        self.ros_distro = self.names.ros_distro

    def _note_outside(self) -> None:
        """Channels of the summary first: a lost chunk may be the one that named them."""
        catalogue = self.names.in_data
        for opcode, place, length in self._records():
            if opcode in records.NOTED and length <= records.max_record_bytes(opcode):
                with suppress(BrokenError):
                    catalogue.take(opcode, self._content(place, length), self.base)
            elif opcode in {records.DATA_END, records.FOOTER}:
                is_data_end = opcode == records.DATA_END
                catalogue = self.names.in_summary if is_data_end else self.names.in_data
        self.losses = Losses(self.file.name)

    def messages(self, expected: int | None = None) -> Iterator[Saved]:
        """Yield every message that is left, and add the rest to `losses`.

        `expected` is how many the file should hold, where that is known.
        """
        saved = 0
        for opcode, place, length in self._records():
            for time, channel, data in self._rows(opcode, place, length):
                topic = self.names.topic(channel)
                if topic is None:
                    self.losses.add(self.time, self.time, 1)
                    continue
                if time >= _LATEST:
                    self.losses.add(self.time, self.time, 1, topic.name)
                    continue
                self.time = time
                message = saved_message(self.losses, topic, time, data)
                if message is not None:
                    saved += 1
                    yield topic, time, message
        self._finish(expected, saved)

    def _finish(self, expected: int | None, saved: int) -> None:
        spans = self.losses.spans
        counted = saved + sum(span.messages or 0 for span in spans)
        if expected is None and 0 < self.names.promised == counted:
            # As many as the summary promises: nothing else is lost.
            self.losses.spans = [span for span in spans if span.messages is not None]
        elif expected is not None and spans and spans[-1].messages is None and expected > counted:
            self.losses.count_more(expected - counted)

    def _rows(self, opcode: int, place: int, length: int) -> list[Row]:
        if opcode == records.CHUNK:
            return self._chunk(place, length)
        if opcode == records.MESSAGE:
            data = self._load(records.plain_chunk(place - _HEAD, place + length))
            self.after_loss = False
            return rows(data, self.names.in_chunks, self.base)
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
        except (BrokenError, TooLargeError):
            self.after_loss = True
            self.losses.add(*_claimed(chunk))
            return []
        saved, is_damaged = rows_before_damage(data, self.names.in_chunks, self.base)
        if is_damaged:
            first, last = _claimed(chunk)
            self.losses.add(saved[-1][0] if saved else first, last)
        return saved

    def _load(self, chunk: Chunk) -> bytes:
        """The records of a chunk; messages that are too large are lost, and named."""
        self.budget.make_room(chunk.size)
        try:
            data = load_chunk(self.stream, chunk)
        except LargeMessagesError as error:
            data = error.others
            for channel, time, _ in error.messages:
                topic = self.names.topic(self.base + channel)
                self.losses.add(time, time, 1, topic.name if topic else "")
        except (BrokenError, TooLargeError):
            data = self._of_other_size(chunk)
            if not data:
                raise
        self.budget.advance(max(len(data), chunk.stored))
        return data

    def _of_other_size(self, chunk: Chunk) -> bytes:
        """The records of a chunk that has the right checksum, whatever size it claims; else none."""
        data = b""
        if chunk.stored <= _MAX_GUESSED:
            with suppress(BrokenError):
                data = unpack_chunk(self.stream, replace(chunk, size=_MAX_GUESSED))
        if chunk.crc and zlib.crc32(data) == chunk.crc:
            return data
        self.names.take_broken(data, self.base)
        return b""

    def _chunk_head(self, place: int, length: int) -> Chunk | None:
        try:
            chunk = records.read_chunk_head(self.stream, place - _HEAD, self.size)
        except BrokenError:
            self.losses.add(self.time, None)
            return None
        # Where the two lengths of a chunk differ, the record's is the one that was followed.
        return replace(chunk, stored=place + length - chunk.start)

    def _content(self, place: int, length: int) -> bytes:
        self.stream.seek(place)
        return self.stream.read(length)

    def _records(self) -> Iterator[tuple[int, int, int]]:
        """Kind, start and length of the content of every complete record, gaps skipped."""
        place = self.base = 0
        is_open, in_data = True, True
        while place < self.size:
            opcode, length, complete = self._head(place)
            if opcode == records.START[0] and self._begins(place):
                self.base += records.SECTION
                place += len(records.MAGIC)
                in_data = True
                continue
            end = place + _HEAD + length
            complete = complete and (in_data or opcode not in records.DATA)
            if complete and (opcode != records.MESSAGE or self._is_whole(place, end)):
                yield opcode, place + _HEAD, length
                is_open = opcode != records.FOOTER
                in_data = in_data and opcode != records.DATA_END
                place = end if is_open else self._behind_end(end)
                continue
            chunk_length = self._chunk_length(place, length) if in_data else None
            if chunk_length is not None:
                yield records.CHUNK, place + _HEAD, chunk_length
                place += _HEAD + chunk_length
                continue
            if (chunk := self._cut_chunk(opcode, place, length)) is not None:
                yield from self._inside(chunk)
                return
            place = self._resume(place + 1)
            self.losses.add(self.time, None)
            is_open = place < self.size
        if is_open:
            self.losses.add(self.time, None)

    def _is_whole(self, place: int, end: int) -> bool:
        """Return whether a message is as long as it says, though what follows it is no record.

        One of the two is damaged: the message when it reaches too far, or when a single bit of its length
        explains where the next record begins.
        """
        if end == self.size or self._begins(end) or self._head(end)[2]:
            return True
        following = self._resume(place + 1)
        length, true_length = end - place - _HEAD, following - place - _HEAD
        return following >= end and (length ^ true_length).bit_count() > 1

    def _chunk_length(self, place: int, length: int) -> int | None:
        """The length of a record that is a chunk, though its kind or one of its lengths is damaged."""
        try:
            chunk = records.read_chunk_head(self.stream, place, self.size)
        except BrokenError:
            return None
        if chunk.compression not in records.COMPRESSIONS:
            return None
        ends = (chunk.start + chunk.stored, place + _HEAD + length)
        fitting = (end for end in ends if chunk.start < end < self.size and self._head(end)[2])
        return next((end - place - _HEAD for end in fitting), None)

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
        if opcode == records.MESSAGE:
            small = length <= records.max_record_bytes(opcode)
            return length >= records.MESSAGE_FIELDS and (small or self._follows(place, length))
        return records.fits(self.stream, opcode, place + _HEAD, length)

    def _follows(self, place: int, length: int) -> bool:
        """Return whether a record stands behind one that is very large: else its length is damaged."""
        end = place + _HEAD + length
        return end == self.size or (end < self.size and self._head(end)[2])

    def _cut_chunk(self, opcode: int, place: int, length: int) -> Chunk | None:
        """The chunk that the end of the file cuts off."""
        if opcode != records.CHUNK or place + _HEAD + length <= self.size:
            return None
        return records.filling_chunk(self.stream, place, length)

    def _inside(self, chunk: Chunk) -> Iterator[tuple[int, int, int]]:
        """The complete records of a chunk that is cut off; a compressed one is lost."""
        place = self.size if chunk.compression else chunk.start
        while place < self.size:
            opcode, length, complete = self._head(place)
            if not complete:
                break
            if opcode in records.NOTED:
                with suppress(BrokenError):
                    content = self._content(place + _HEAD, length)
                    self.names.in_broken.take(opcode, content, self.base)
            elif opcode == records.MESSAGE:
                yield opcode, place + _HEAD, length
            place += _HEAD + length
        first, _ = _claimed(chunk)
        self.losses.add(first if chunk.compression else self.time, None)

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
            if not complete or opcode >= records.PRIVATE:
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

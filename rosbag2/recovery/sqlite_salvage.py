"""Salvages the messages of a damaged database: from its pages, in the order of its rows.

Rows are known by what they hold, as no recorder's tables look alike: the list of tables, their roots and
branches may all be damaged.
"""

from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rosbag2.budget import Budget
from rosbag2.errors import BagError
from rosbag2.formats.bundle import DataFile
from rosbag2.formats.metadata import Listed, Topic
from rosbag2.formats.sqlite_pages import PageError, Pages, Row, Value, is_message
from rosbag2.recovery.gaps import Gaps
from rosbag2.recovery.losses import Losses, Saved, saved_message

_MANY = 1000
_ENCODINGS = frozenset({"ros2msg", "ros2idl"})
_TOPIC_WIDTHS = range(4, 7)


class SqliteSalvage:
    """The rows of a damaged database; `listed` are the topics that metadata name, with their counts."""

    def __init__(
        self,
        file: DataFile,
        stream: BinaryIO,
        source: Path,
        budget: Budget,
        listed: Collection[Listed] = (),
    ) -> None:
        self.file = file
        self.budget = budget
        self.losses = Losses(file.name)
        self.ros_distro = ""
        self.topics: dict[int, Topic] = {}
        self._definitions: dict[str, tuple[str, str]] = {}
        self._leaves, self._middles = array("q"), array("q")
        self._counts: dict[int, int] = {}
        try:
            self.pages = Pages(stream, source.with_name(source.name + "-wal"), budget)
            self._look()
        except PageError as error:
            raise self._lost(str(error)) from error
        self._name(listed)
        if not self.topics:
            raise self._lost("the names of its topics are lost")

    def _lost(self, reason: str) -> BagError:
        return BagError("NOTHING_LEFT", reason=f"{self.file.name}: {reason}")

    def _look(self) -> None:
        """Find the pages of messages, and read the rows of the other tables."""
        for leaf, page, rows in self.pages.leaves():
            messages = [row for row in rows if row is not None and is_message(row)]
            if messages:
                self._leaves.append(leaf)
                self._middles.append(messages[len(messages) // 2].number)
                for row in messages:
                    key = self.pages.integer(page, row, 1)
                    self._counts[key] = self._counts.get(key, 0) + 1
            else:
                self._take(leaf, page, rows)

    def _take(self, leaf: int, page: bytes, rows: list[Row | None]) -> None:
        """Take the rows of a page that holds no messages."""
        self.pages.used[leaf] = True
        for row in rows:
            if row is not None and len(row.kinds) <= max(_TOPIC_WIDTHS):
                with suppress(PageError):
                    self._take_values(row.number, self.pages.values(page, row))

    def _take_values(self, number: int, values: list[Value]) -> None:
        texts = [value for value in values if isinstance(value, str)]
        if values[0] is not None or len(texts) != len(values) - 1:
            return
        if len(texts) == 1:
            self.ros_distro = texts[0]
        elif len(values) in _TOPIC_WIDTHS and texts[1] in _ENCODINGS:
            self._definitions[texts[0]] = (texts[1], texts[2])
        elif len(values) in _TOPIC_WIDTHS and texts[0] and "/" in texts[1]:
            self.topics[number] = Topic(*texts)

    def _name(self, listed: Collection[Listed]) -> None:
        """Add definitions to topics, and the names that only metadata know."""
        self.topics |= _names_by_count(self._counts, self.topics, listed)
        for key, topic in self.topics.items():
            encoding, definition = self._definitions.get(topic.type, ("", ""))
            self.topics[key] = replace(topic, definition=definition, definition_encoding=encoding)

    def messages(self, expected: int | None = None) -> Iterator[Saved]:
        """Yield every message that is left, and add the rest to `losses`.

        `expected` is how many the file should hold, where that is known.
        """
        gaps = Gaps(self.losses)
        saved = 0
        for leaf in self._in_order(gaps):
            page = self.pages.peek(leaf)
            for row in self.pages.rows(leaf, page):
                found = None if row is None else self._message(page, row)
                if row is None or found is None:
                    gaps.bad()
                elif gaps.good(row.number, found[1]):
                    message = saved_message(self.losses, *found)
                    if message is not None:
                        saved += 1
                        self.budget.advance(len(message) + 32)
                        yield found[0], found[1], message
        gaps.end(expected, saved, odd=self.pages.is_odd())

    def _in_order(self, gaps: Gaps) -> Iterator[int]:
        """The pages of messages, by the number in their middle, which is the least likely to be damaged."""
        order = np.argsort(np.array(self._middles, np.int64), kind="stable").tolist()
        middles = [0, *(self._middles[place] for place in order)]
        high = middles[-1] + 2 * (middles[-1] - middles[-2] if order else 0) + _MANY
        for number, (place, low) in enumerate(zip(order, middles, strict=False), 2):
            gaps.begin_page(low, middles[number] if number < len(middles) else high)
            self.pages.used[self._leaves[place]] = True
            yield self._leaves[place]

    def _message(self, page: bytes, row: Row) -> Saved | None:
        topic = self.topics.get(self.pages.integer(page, row, 1)) if is_message(row) else None
        if topic is None:
            return None
        try:
            _, _, time, data = self.pages.values(page, row)
        except PageError:
            return None
        return (topic, time, data) if isinstance(time, int) and isinstance(data, bytes) else None


def _names_by_count(
    counts: Mapping[int, int], known: Mapping[int, Topic], listed: Collection[Listed]
) -> dict[int, Topic]:
    """Return the topics of numbers that lost theirs, where the number of messages leaves no doubt.

    The last nameless topic gets the last name that is left.
    """
    names = {topic.name for topic in known.values()}
    free = [(topic, count) for topic, count in listed if topic.name not in names and count]
    nameless = {key: count for key, count in counts.items() if key not in known}
    if len(free) == len(nameless) == 1:
        return {key: topic for key in nameless for topic, _ in free}
    # Counts that one nameless number and one free name have.
    found, promised = Counter(nameless.values()), Counter(count for _, count in free)
    sure = {count: topic for topic, count in free if found[count or 0] == promised[count] == 1}
    return {key: sure[count] for key, count in nameless.items() if count in sure}

"""Losses of a damaged file, as stretches of time."""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from rosbag2.checks.times import Stray
from rosbag2.checks.verdict import MAX_SPANS, LostSpan
from rosbag2.formats.metadata import Topic
from rosbag2.formats.stored_message import stored_message

Saved = tuple[Topic, int, bytes]
"""Topic, time in nanoseconds, and data of a message."""


@dataclass
class Losses:
    """Collects losses of a file in its order; very many are joined into one."""

    file: str
    spans: list[LostSpan] = field(default_factory=list)
    strays: dict[tuple[int, str], int] = field(default_factory=dict)
    """Places of the losses of impossible times: by the number of the first message, and the topic."""
    unread: int = 0
    """Bytes behind the end of the file."""

    def add(
        self,
        first_ns: int | None,
        last_ns: int | None,
        messages: int | None = None,
        topic: str = "",
    ) -> None:
        """Note a loss; a count that is not known makes the sum of joined losses a lower bound."""
        if len(self.spans) < MAX_SPANS:
            self.spans.append(LostSpan(self.file, topic, first_ns, last_ns, messages))
            return
        last = self.spans[-1]
        topic = topic if topic == last.topic else ""
        if last.messages is not None:
            messages = (messages or 0) + last.messages
        self.spans[-1] = LostSpan(self.file, topic, last.first_ns, last_ns, messages)

    def add_stray(self, stray: Stray, topic: str) -> None:
        """Note a message with an impossible time: it is lost between its neighbours."""
        place = self.strays.setdefault((stray.start, topic), len(self.spans))
        if place < min(len(self.spans), MAX_SPANS - 1):
            span = self.spans[place]
            self.spans[place] = replace(span, messages=(span.messages or 0) + 1)
        else:
            self.add(stray.before_ns, stray.after_ns, 1, topic)

    def close(self, time_ns: int) -> None:
        """A message follows: losses with an open end end there."""
        for place in range(len(self.spans) - 1, -1, -1):
            span = self.spans[place]
            if span.last_ns is not None:
                break
            self.spans[place] = replace(span, last_ns=max(time_ns, span.first_ns or time_ns))

    def count_more(self, messages: int) -> None:
        """More messages belong to the last loss."""
        last = self.spans[-1]
        self.spans[-1] = replace(last, messages=(last.messages or 0) + messages)


def saved_message(losses: Losses, topic: Topic, time: int, data: bytes) -> bytes | None:
    """The message in stored data; what is none is noted as lost."""
    with suppress(OverflowError):
        message = stored_message(data, cdr=topic.is_cdr)
        if message is not None:
            return message
    losses.add(time, time, 1, topic.name)
    return None

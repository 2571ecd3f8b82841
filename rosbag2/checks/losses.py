"""Losses of a damaged file, as stretches of time."""

from dataclasses import dataclass, field

MAX_SPANS = 500


@dataclass(frozen=True)
class LostSpan:
    """Messages that could not be saved; what is not known is None, "" stands for all topics.

    They lie between the times (nanoseconds); None where the loss reaches to the beginning or the end.
    """

    file: str
    topic: str
    first_ns: int | None
    last_ns: int | None
    messages: int | None


@dataclass
class Losses:
    """Collects losses of a file in its order; very many are joined into one."""

    file: str
    spans: list[LostSpan] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    unread: int = 0
    """Bytes behind the end of the file."""

    def add(
        self,
        reason: str,
        first_ns: int | None = None,
        last_ns: int | None = None,
        messages: int | None = None,
    ) -> None:
        """Note a loss; a count that is not known makes the sum of joined losses a lower bound."""
        if reason and len(self.reasons) < MAX_SPANS:
            self.reasons.append(reason)
        span = LostSpan(self.file, "", first_ns, last_ns, messages)
        if len(self.spans) < MAX_SPANS:
            self.spans.append(span)
        else:
            self.spans[-1] = _joined(self.spans[-1], span)

    def count_more(self, messages: int) -> None:
        """More messages belong to the last loss."""
        last = self.spans[-1]
        self.spans[-1] = LostSpan(
            last.file, last.topic, last.first_ns, last.last_ns, (last.messages or 0) + messages
        )


def _joined(one: LostSpan, other: LostSpan) -> LostSpan:
    counts = [count for count in (one.messages, other.messages) if count is not None]
    return LostSpan(
        one.file, one.topic, one.first_ns, other.last_ns, sum(counts) if counts else None
    )

"""The publishers of all agents of a unit, topic by topic, and how messages get from one to all of them."""

import time
from collections.abc import Callable, Mapping, Sequence

from agent.rewriting import Changed, Rewriter
from agent.transports.base import Publish

Record = Callable[[int], None]
"""Records the lateness of one publication, in ns."""
Recorded = tuple[tuple[Publish, Record], ...]
ByPrefix = tuple[tuple[tuple[Publish, Record, bytes], ...], ...]


class FanOut:
    """Publishers with what records their lateness, in the agents' order.

    Args:
        publishers_by_topic: A publisher of each agent for each topic.
        records: One for each agent.
        rewriter: What messages are changed by; None: they stay as they are.
        stamp: Returns the time of publication in ns, for stamps that are set to it.
    """

    def __init__(
        self,
        publishers_by_topic: Mapping[str, Sequence[Publish]],
        records: Sequence[Record],
        rewriter: Rewriter | None,
        stamp: Callable[[], int],
    ) -> None:
        self.recorded: dict[str, Recorded] = {
            topic: tuple(zip(publishers, records, strict=True))
            for topic, publishers in publishers_by_topic.items()
        }
        self.unchanged = 0
        """Messages that could not be changed, and were published as they are."""
        self._prefixes = rewriter.prefixes if rewriter else (b"",) * len(records)
        self._lengths = rewriter.lengths if rewriter else (0,)
        self._bytes = [0 for _ in self._lengths]
        self._by_prefix = {topic: self._grouped(pairs) for topic, pairs in self.recorded.items()}
        self._stamp = stamp

    def _grouped(self, pairs: Recorded) -> ByPrefix:
        """Return the publishers with the prefixes of their agents, by the length of these."""
        return tuple(
            tuple(
                (publish, record, prefix)
                for (publish, record), prefix in zip(pairs, self._prefixes, strict=True)
                if len(prefix) == length
            )
            for length in self._lengths
        )

    def changed_bytes(self, agent: int) -> int:
        """Bytes of changed messages that an agent has published, by its index."""
        return self._bytes[self._lengths.index(len(self._prefixes[agent]))]

    def publish_changed(self, topic: str, message: Changed, due: int) -> int:
        """Publish a prepared message for all agents with the same stamp.

        Returns:
            Monotonic time of the last publication.
        """
        now = time.monotonic_ns
        at = 0
        groups = zip(self._by_prefix[topic], message.stamped(self._stamp()), strict=True)
        for publishers, pieces in groups:
            for publish_one, record, prefix in publishers:
                publish_one(prefix.join(pieces))
                at = now()
                record(at - due)
        self.unchanged += message.unchanged
        for index, size in enumerate(message.sizes):
            self._bytes[index] += size
        return at

"""Sums of a snapshot: fifty times quicker to decode than the snapshot itself (measured)."""

from collections import Counter

import msgspec

from agent.protocol import Snapshot

AttemptKey = tuple[int, int, int]
"""Stage run, unit, attempt."""


class UnitCount(msgspec.Struct, frozen=True, array_like=True):
    """One attempt of one unit: its agents by state, and the messages that they have published."""

    agents: dict[str, int]
    published: int


UnitCounts = dict[AttemptKey, UnitCount]


def count_snapshot(snapshot: Snapshot) -> tuple[str, bytes]:
    """The count of a snapshot, as a field of a Redis hash and its value."""
    states = Counter(str(agent.state) for agent in snapshot.agents)
    count = UnitCount(states, sum(agent.published for agent in snapshot.agents))
    return encode((snapshot.stage_run, snapshot.unit, snapshot.attempt), count)


def encode(key: AttemptKey, count: UnitCount) -> tuple[str, bytes]:
    """A count as a field of a Redis hash and its value."""
    return ":".join(map(str, key)), msgspec.json.encode(count)


def decode(values: dict[bytes, bytes]) -> UnitCounts:
    """The counts of a Redis hash."""
    counts = {}
    for field, value in values.items():
        stage_run, unit, attempt = map(int, field.split(b":"))
        counts[stage_run, unit, attempt] = msgspec.json.decode(value, type=UnitCount)
    return counts

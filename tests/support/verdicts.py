"""Whether an execution has ended as it should have, by what `drives.judge` shows of it."""

from collections.abc import Iterator
from typing import Any

Shown = dict[str, Any]


def losses(shown: Shown, received: dict[str, int], end: str, due: int | None) -> Iterator[str]:
    """Compare how an execution has ended with how it would have ended undisturbed.

    Args:
        shown: What is left of it.
        received: What a listener has received, by agent.
        end: The status in which it had to end.
        due: The number of messages that each agent had to publish; None where nobody can know it.
    """
    if (shown["status"], shown["data"]) != (end, "COMPLETE"):
        yield f"{shown['status']} {shown['failure']}, data {shown['data']}"
    wrong = [agent for agent in shown["agents"] if (agent["status"], agent["attempt"]) != (end, 1)]
    if wrong:
        yield f"{len(wrong)} agents: attempt {wrong[0]['attempt']} {wrong[0]['status']}"
    yield from miscounts(shown, received, due)
    if shown["gaps"]:
        yield "events have gaps"
    if shown["lost_units"]:
        yield f"{shown['lost_units']} units lost"


def miscounts(shown: Shown, received: dict[str, int], due: int | None) -> Iterator[str]:
    """Compare the messages that agents have published with what was due, has arrived and was recorded."""
    published = sorted(agent["published"] for agent in shown["agents"])
    if due is not None and set(published) != {due}:
        yield f"published {published} instead of {due} each"
    if published != sorted(received.values()):
        yield f"published {published}, received {sorted(received.values())}"
    recorded = [n for recording in shown["recordings"] for n in recording["messages"].values()]
    if published != sorted(recorded):
        yield f"published {published}, recorded {sorted(recorded)}"

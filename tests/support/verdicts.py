"""Verdicts on the end of an execution, from the figures of `drives.judge`."""

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
    agents = played(shown)
    wrong = [each for each in agents if each["status"] not in {end, "COMPLETED"}]
    if wrong:
        yield f"{len(wrong)} agents: attempt {wrong[0]['attempt']} {wrong[0]['status']}"
    if len(agents) != len({each["number"] for each in agents}):
        yield "agents were replayed"
    yield from miscounts(shown, received, due)
    if shown["gaps"]:
        yield "events have gaps"
    if shown["lost_units"]:
        yield f"{shown['lost_units']} units lost"


def played(shown: Shown) -> list[Shown]:
    """Return all attempts but those that never began: their unit got no answer and registered again."""
    newest = {agent["number"]: agent["attempt"] for agent in shown["agents"]}
    return [
        agent
        for agent in shown["agents"]
        if agent["published"] or agent["attempt"] == newest[agent["number"]]
    ]


def miscounts(shown: Shown, received: dict[str, int], due: int | None) -> Iterator[str]:
    """Compare the messages that agents have published with what was due, has arrived and was recorded."""
    published = sorted(agent["published"] for agent in played(shown))
    if due is not None and set(published) != {due}:
        yield f"published {published} instead of {due} each"
    if published != sorted(received.values()):
        yield f"published {published}, received {sorted(received.values())}"
    recorded = [n for recording in shown["recordings"] for n in recording["messages"].values()]
    if published != sorted(recorded):
        yield f"published {published}, recorded {sorted(recorded)}"


def losses_of_killed_units(shown: Shown, received: dict[str, int], due: int) -> Iterator[str]:
    """Compare an execution with retries: the newest attempt of each agent has to be complete."""
    if (shown["status"], shown["data"]) != ("COMPLETED", "COMPLETE"):
        yield f"{shown['status']} {shown['failure']}, data {shown['data']}"
    newest = {agent["number"]: agent for agent in shown["agents"]}
    for number, agent in newest.items():
        if (agent["status"], agent["published"]) != ("COMPLETED", due):
            yield f"agent {number}: {agent['status']} with {agent['published']} messages"
    recorded = [n for recording in shown["recordings"] for n in recording["messages"].values()]
    if recorded != [due] * len(newest):
        yield f"recorded {recorded} instead of {due} each"
    if min(received.values(), default=0) < due:
        yield f"received {sorted(received.values())}"
    if shown["gaps"]:
        yield "events have gaps"


def losses_of_stopped_units(shown: Shown) -> Iterator[str]:
    """Look at an execution whose units were killed while they stopped: what is not there has to be told."""
    if shown["status"] != "STOPPED":
        yield f"{shown['status']} {shown['failure']}"
    for recording in shown["recordings"]:
        told = recording["status"] == "LOST" and "unit-" in recording["text"]
        if not told and recording["status"] not in {"STORED", "EMPTY"}:
            yield f"recording {recording['status']}: {recording['text']}"
    if shown["gaps"]:
        yield "events have gaps"

"""Room for units: what the quota of their namespace leaves, and nodes have free where they may be read."""

import math
from collections.abc import Iterable, Mapping

from simulations.backends.base import Capacity
from simulations.backends.kubernetes.client import (
    Cluster,
    ForbiddenError,
    NotFoundError,
    Object,
    quantity,
)

QUOTA = "robot-agents"
"""Name of the ResourceQuota: it may be read by name only."""
NAMES = ("cpu", "memory", "ephemeral-storage")
ENDED = frozenset({"Succeeded", "Failed"})

Room = dict[str, float]


def free_capacity(cluster: Cluster, namespace: str) -> Capacity | None:
    """Return the smaller of both rooms; None if neither is known.

    Raises:
        BackendError: The API cannot be used now.
    """
    rooms = [room for room in (_quota_room(cluster, namespace), _node_room(cluster)) if room]
    if not rooms:
        return None
    cores, memory, disk = (min(room.get(name, math.inf) for room in rooms) for name in NAMES)
    return Capacity(cores, _whole(memory), _whole(disk))


def _quota_room(cluster: Cluster, namespace: str) -> Room | None:
    """What the quota leaves for requests; None without a quota."""
    try:
        status = cluster.get("resourcequotas", namespace, QUOTA).get("status", {})
    except (NotFoundError, ForbiddenError):
        return None
    hard, used = status.get("hard", {}), status.get("used", {})
    keys = {name: f"requests.{name}" for name in NAMES}
    return {
        name: max(0.0, quantity(hard[key]) - quantity(used.get(key, "0")))
        for name, key in keys.items()
        if key in hard
    }


def _node_room(cluster: Cluster) -> Room | None:
    """What the pods of all namespaces leave on nodes that take pods; None without the right to read both."""
    try:
        nodes, _version = cluster.list_raw("nodes")
        pods, _version = cluster.list_raw("pods")
    except ForbiddenError:
        return None
    usable = {node["metadata"]["name"]: node for node in nodes if _takes_pods(node)}
    room = _sum(node["status"].get("allocatable", {}) for node in usable.values())
    taken = _sum(
        container.get("resources", {}).get("requests", {})
        for pod in pods
        if pod["spec"].get("nodeName") in usable and pod["status"].get("phase") not in ENDED
        for container in pod["spec"]["containers"]
    )
    return {name: max(0.0, room[name] - taken[name]) for name in NAMES}


def _takes_pods(node: Object) -> bool:
    conditions = node["status"].get("conditions", ())
    is_ready = any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)
    return is_ready and not node["spec"].get("unschedulable")


def _sum(rows: Iterable[Mapping[str, str]]) -> Room:
    total = dict.fromkeys(NAMES, 0.0)
    for row in rows:
        for name in NAMES:
            total[name] += quantity(row.get(name, "0"))
    return total


def _whole(size: float) -> int:
    return round(size) if math.isfinite(size) else 2**63 - 1

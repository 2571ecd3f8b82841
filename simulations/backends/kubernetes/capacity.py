"""Room for units: what the quota of their namespace leaves, and nodes have free where they may be read."""

from collections.abc import Iterable, Mapping

from simulations.backends.base import Capacity
from simulations.backends.kubernetes.client import Cluster, Object, quantity
from simulations.backends.kubernetes.errors import ForbiddenError, NotFoundError

QUOTA = "robot-agents"
"""Name of the ResourceQuota: it may be read by name only."""
NAMES = ("cpu", "memory", "ephemeral-storage")
LIMITED = {name: f"requests.{name}" for name in NAMES} | {
    name: name for name in ("pods", "limits.cpu", "limits.memory")
}
ENDED = frozenset({"Succeeded", "Failed"})

Room = dict[str, float]


def free_capacity(cluster: Cluster, namespace: str) -> Capacity | None:
    """Return the smaller of both rooms; None if neither is known.

    Raises:
        BackendError: The API cannot be used now.
    """
    quota, nodes = _quota_room(cluster, namespace), _node_rooms(cluster)
    if not quota and nodes is None:
        return None
    total = None if nodes is None else {name: sum(node[name] for node in nodes) for name in NAMES}
    rooms = [quota, total or {}]
    return Capacity(
        cores=_least(rooms, "cpu"),
        memory_bytes=_rounded(_least(rooms, "memory")),
        disk_bytes=_rounded(_least(rooms, "ephemeral-storage")),
        units=_rounded(quota.get("pods")),
        limit_cores=quota.get("limits.cpu"),
        limit_memory_bytes=_rounded(quota.get("limits.memory")),
        node_cores=_most(nodes, "cpu"),
        node_memory_bytes=_rounded(_most(nodes, "memory")),
    )


def _quota_room(cluster: Cluster, namespace: str) -> Room:
    """Rest of the quota of pods, and of their requests and limits; empty without a quota."""
    try:
        status = cluster.get("resourcequotas", namespace, QUOTA).get("status", {})
    except (NotFoundError, ForbiddenError):
        return {}
    hard, used = status.get("hard", {}), status.get("used", {})
    return {
        name: max(0.0, quantity(hard[key]) - quantity(used.get(key, "0")))
        for name, key in LIMITED.items()
        if key in hard
    }


def _node_rooms(cluster: Cluster) -> list[Room] | None:
    """Free room of each node that takes pods; None without the right to read nodes and all pods."""
    try:
        nodes, _version = cluster.list_raw("nodes")
        pods, _version = cluster.list_raw("pods")
    except ForbiddenError:
        return None
    taken = {node["metadata"]["name"]: dict.fromkeys(NAMES, 0.0) for node in nodes}
    for pod in pods:
        row = taken.get(pod["spec"].get("nodeName", ""))
        if row is not None and pod["status"].get("phase") not in ENDED:
            _add(row, _requests(pod))
    return [
        {
            name: max(0.0, quantity(node["status"]["allocatable"].get(name, "0")) - row[name])
            for name in NAMES
        }
        for node in nodes
        if _takes_pods(node) and (row := taken[node["metadata"]["name"]])
    ]


def _requests(pod: Object) -> Iterable[Mapping[str, str]]:
    return (row.get("resources", {}).get("requests", {}) for row in pod["spec"]["containers"])


def _add(total: Room, rows: Iterable[Mapping[str, str]]) -> None:
    for row in rows:
        for name in NAMES:
            total[name] += quantity(row.get(name, "0"))


def _takes_pods(node: Object) -> bool:
    conditions = node["status"].get("conditions", ())
    is_ready = any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)
    return is_ready and not node["spec"].get("unschedulable")


def _least(rooms: Iterable[Room], name: str) -> float | None:
    return min((room[name] for room in rooms if name in room), default=None)


def _most(rooms: Iterable[Room] | None, name: str) -> float | None:
    return max((room[name] for room in rooms or ()), default=None)


def _rounded(size: float | None) -> int | None:
    return None if size is None else round(size)

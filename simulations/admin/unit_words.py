"""Resources of units and the nodes on which they run, in words."""

from typing import Any

import msgspec
from django.utils.translation import gettext as _

from common.admin.numbers import number, size
from simulations.backends.base import Placement, Resources, Toleration

MIB = 2**20


def cores_text(millicores: float) -> str:
    """Thousandths of a core as cores."""
    return _("%(number)s cores") % {"number": number(millicores / 1000, 2)}


def memory_text(mebibytes: float) -> str:
    """MiB as a size."""
    return size(mebibytes * MIB)


def resources_text(value: Resources | dict[str, Any] | None) -> str:
    """Requests of a unit, and its limits."""
    if value is None:
        return _("not limited")
    unit = msgspec.convert(value, Resources, from_attributes=True)
    return _("%(cpu)s and %(memory)s; at most %(cpu_limit)s and %(memory_limit)s") % {
        "cpu": cores_text(unit.cpu),
        "memory": memory_text(unit.memory),
        "cpu_limit": cores_text(unit.cpu_limit),
        "memory_limit": memory_text(unit.memory_limit),
    }


def placement_text(value: Placement | dict[str, Any]) -> str:
    """Labels of the nodes, and the taints that are no obstacle."""
    nodes = msgspec.convert(value, Placement, from_attributes=True)
    labels = [f"{label}={text}" for label, text in nodes.node_selector.items()]
    taints = [taint_text(toleration) for toleration in nodes.tolerations]
    parts = [", ".join(labels) or _("any node")]
    if taints:
        parts.append(_("also with the taints %(taints)s") % {"taints": ", ".join(taints)})
    return "; ".join(parts)


def taint_text(toleration: Toleration) -> str:
    """A tolerated taint as `kubectl taint` writes it."""
    key = toleration.key or "*"
    value = f"={toleration.value}" if toleration.operator == "Equal" else ""
    return f"{key}{value}:{toleration.effect or '*'}"

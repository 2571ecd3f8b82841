"""Needs of a real node towards the machine that runs the tests."""

import os
import shutil
from pathlib import Path

_PROGRAMS = {
    "buildah": "buildah",
    "busybox": "busybox-static",
    "conntrack": "conntrack",
    "containerd": "containerd",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "iptables": "iptables",
    "runc": "runc",
}
"""Packages of Debian by their programs."""
_PLUGINS = Path("/usr/lib/cni/ptp")


def missing() -> str:
    """Return what keeps a node from running here; empty when nothing does."""
    if os.geteuid() != 0:
        return "a node runs as root only"
    absent = [_PROGRAMS[name] for name in _PROGRAMS if shutil.which(name) is None]
    absent += [] if _PLUGINS.exists() else ["containernetworking-plugins"]
    if absent:
        return f"packages of Debian are not installed: {' '.join(absent)}"
    if not Path("/sys/fs/cgroup/memory").is_dir():
        return "control groups of version 1 are not mounted at /sys/fs/cgroup"
    return ""

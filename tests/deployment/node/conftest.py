"""Fixtures of the tests on a real Kubernetes node, of `make test-node`.

`cluster` is a control plane with one Ready node, for all tests of a run: `cluster.kubectl`, `cluster.get` and
`cluster.apply` speak to it; `cluster.node` is its node: `kill_kubelet`, `start_kubelet`, `containerd.load` an
image, `machine.run` a command on it. Each test makes a namespace of its own and leaves nothing behind. Images
lie on the node under their names in `images.py`; use `imagePullPolicy: Never`. Pods reach a server of the
test at `cluster.node.machine.host_address`, where it must listen; the test reaches pods at their addresses,
and node ports at `cluster.node.machine.address`.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment.node import images
from tests.deployment.node.pod_runs import PodRuns, pod_runs
from tests.deployment.node.real_cluster import RealCluster

PROGRAMS = (
    *("buildah", "busybox", "conntrack", "containerd", "debootstrap", "ip", "iptables"),
    *("nsenter", "runc", "unshare"),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs root and what `make test-node` builds."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("node")


def missing() -> str:
    """Return what keeps a node from running here; empty when nothing does."""
    if os.geteuid() != 0:
        return "a node runs as root only"
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent or not Path("/usr/lib/cni/ptp").exists():
        return f"not installed: {', '.join(absent) or 'containernetworking-plugins'}"
    if not Path("/sys/fs/cgroup/memory").is_dir():
        return "control groups of version 1 are not mounted"
    return ""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCluster]:
    """A control plane with a real node, Ready and with all images."""
    if reason := missing():
        pytest.skip(reason)
    running = RealCluster(tmp_path_factory.mktemp("cluster") / "plane")
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def pods(cluster: RealCluster) -> Iterator[PodRuns]:
    """An installation on this machine whose units are pods of the node."""
    with pod_runs(cluster) as running:
        yield running

"""Fixtures of the tests on a real Kubernetes node, of `make test-node`.

`cluster` is a control plane with one Ready node, for all tests of a run: `cluster.kubectl`, `cluster.get` and
`cluster.apply` speak to it; `cluster.node` is its node: `kill_kubelet`, `start_kubelet`, `containerd.load` an
image, `machine.run` a command on it. Each test makes a namespace of its own and leaves nothing behind. Images
lie on the node under their names in `images.py`; use `imagePullPolicy: Never`. Pods reach a server of the
test at `cluster.node.machine.host_address`, where it must listen; the test reaches pods at their addresses,
and node ports at `cluster.node.machine.address`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deployment import guide
from tests.deployment.guide_reader import Reader
from tests.deployment.node.needs import missing
from tests.deployment.node.pod_runs import PodRuns, pod_runs
from tests.deployment.node.real_cluster import RealCluster
from tests.deployment.node.walk import INSTALLING_SECONDS, new_walker


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is in `make test-node`; some of it is marked `cluster`, too."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("node")


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


@pytest.fixture(scope="session")
def walked(cluster: RealCluster, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """The system installed by the guide's quick start; who changes it leaves it running."""
    walker = new_walker(cluster, tmp_path_factory.mktemp("guide") / "project")
    for command in ("kubectl create namespace robot", "chmod +x install.sh", "./install.sh"):
        walker.run(command, INSTALLING_SECONDS)
    return walker


@pytest.fixture(scope="session")
def password(walked: Reader) -> str:
    """Password of the first admin, you@example.com, made as the guide says."""
    (command,) = {each for each in guide.commands("cluster") if " ensure_admin " in each}
    return walked.run(command).rstrip().rpartition(" ")[2]

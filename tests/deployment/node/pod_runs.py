"""An installation on this machine whose units are pods of a real node.

Server, controller and worker are processes of this machine, PostgreSQL, Redis and MinIO too: a pod reaches
them at the machine's address on the link to the node. The controller speaks to the API of the node's cluster.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.control_plane import ADMIN
from tests.deployment.node import images
from tests.deployment.node.real_cluster import RealCluster
from tests.support.minio import MinIO
from tests.support.parts import Installation
from tests.support.world import a_world, until

NAMESPACE = "pod-runs"
DRIVES = "tests.support.pod_drives"
JOB = "batch.kubernetes.io/job-name"
Shown = dict[str, Any]


class PodRuns(Installation):
    """The installation, with what is left of it and to be seen in the cluster."""

    cluster: RealCluster

    def drive(self, function: str, *values: Any) -> Any:
        """Call a function of `tests.support.pod_drives` in a process of the installation."""
        return self.world.call(f"{DRIVES}.{function}", *values)

    def pods(self, execution: int) -> list[Shown]:
        return self.objects("pods", execution)

    def objects(self, kinds: str, execution: int) -> list[Shown]:
        """Return what the cluster has of an execution."""
        label = f"robotsim.io/execution={execution}"
        found = self.cluster.get(kinds, "-n", NAMESPACE, "-l", label)
        items: list[Shown] = found["items"]
        return items

    def left(self, execution: int) -> list[str]:
        """Name what the cluster still has of an execution; its pods may take a moment to go."""
        everything = partial(self.objects, "jobs,pods,secrets", execution)
        deadline = time.monotonic() + 60
        while (found := everything()) and time.monotonic() < deadline:
            time.sleep(0.3)
        return [f"{one['kind']} {one['metadata']['name']}" for one in found]

    def probes(self) -> list[str]:
        """Name what is left of tests of links."""
        found = self.cluster.get("jobs,pods", "-n", NAMESPACE, "-l", "robotsim.io/probe")
        return [each["metadata"]["name"] for each in found["items"]]

    @contextmanager
    def locally(self) -> Iterator[None]:
        """Let executions run on this machine meanwhile."""
        self._choose("local")
        try:
            yield
        finally:
            self._choose("kubernetes")

    def _choose(self, backend: str) -> None:
        self.drive("take_backend", backend)
        self.world.environment["BACKEND"] = backend
        controller = self.parts["controller"]
        controller.kill()
        controller.start()

    def running(self, execution: int, count: int = 1) -> list[Shown]:
        """Wait until so many pods of an execution run, and return them."""

        def running_pods() -> list[Shown]:
            pods = [p for p in self.pods(execution) if p["status"].get("phase") == "Running"]
            return pods if len(pods) >= count else []

        result: list[Shown] = until(running_pods, lambda: json.dumps(self.pods(execution))[:4000])
        return result

    def ended(self, execution: int, seconds: float = 180) -> Shown:
        """Wait for the end of an execution.

        Returns:
            As `judge` of the drives, with what is left in the cluster.
        """
        self.drive("await_end", execution, seconds)
        return {**self.drive("judge", execution), "left": self.left(execution)}

    def seconds_until(
        self, condition: Callable[[], Any], why: Callable[[], str], limit: float
    ) -> float:
        """Wait for a condition, and return how long that took."""
        began = time.monotonic()
        until(condition, why, seconds=limit)
        return time.monotonic() - began


@contextmanager
def pod_runs(cluster: RealCluster, **environment: str) -> Iterator[PodRuns]:
    """Start an installation beside a cluster."""
    host = cluster.node.machine.host_address
    settings = {
        "BACKEND": "kubernetes",
        "KUBECONFIG": str(cluster.kubeconfig(ADMIN)),
        "AGENT_NAMESPACE": NAMESPACE,
        "AGENT_IMAGE": images.AGENT,
        "AGENT_IMAGE_PULL_POLICY": "Never",
        "AGENT_DISK_MIB": "256",
        "AGENTS_PER_UNIT": "2",
        "RELEASE_LEAD_SECONDS": "1",
        "UPLOAD_LIMIT_SECONDS": "60",
        "ALLOWED_HOSTS": f"{host},127.0.0.1",
    }
    make_namespace(cluster)
    with a_world(durable=True, s3=partial(MinIO, host=host)) as world:
        world.environment |= settings | environment
        running = PodRuns(world, host=host)
        running.cluster = cluster
        try:
            running.start()
            running.drive("prepare", "", str(world.folder))
            yield running
        finally:
            running.end()


def make_namespace(cluster: RealCluster) -> None:
    """Create the agents' namespace as the manifests do, under a name of its own, and the priorities."""
    cluster.kubectl("create", "namespace", NAMESPACE, check=False)
    level = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "--overwrite", "namespace", NAMESPACE, level)
    manifest = (BASE_DIR / "k8s/base/agents.yaml").read_text()
    manifest = manifest.replace("namespace: robot-agents", f"namespace: {NAMESPACE}")
    documents = (BASE_DIR / "k8s/base/namespaces.yaml").read_text().split("\n---\n")
    classes = [each for each in documents if "kind: PriorityClass" in each]
    cluster.kubectl("apply", "-f", "-", input="\n---\n".join([manifest, *classes]))

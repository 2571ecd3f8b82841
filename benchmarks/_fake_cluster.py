"""A real Kubernetes control plane with fake nodes (kwok), which audits the calls of the controller."""

import subprocess
from pathlib import Path

from benchmarks._audited import Audited
from tests.deployment.cluster.control_plane import ADMIN
from tests.support.programs import find

NODE_PODS = 200
STAGES = Path(__file__).with_name("_fake_nodes.yaml")
LABEL = {"kwok.x-k8s.io/node": "fake"}


class FakeCluster(Audited):
    """Nodes without machines, whose pods run as soon as they are scheduled."""

    def prepare(self, pods: int) -> None:
        """Add nodes for so many pods, and the namespaces and rights of the controller."""
        self.kubectl("cordon", "node")
        names = [f"fake-{number}" for number in range(-(-pods // NODE_PODS) + 1)]
        room = {"cpu": "1k", "memory": "16Ti", "pods": str(NODE_PODS), "ephemeral-storage": "16Ti"}
        nodes = [
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "annotations": LABEL, "labels": LABEL},
                "status": {"allocatable": room, "capacity": room},
            }
            for name in names
        ]
        self.apply({"apiVersion": "v1", "kind": "List", "items": nodes})
        words = ["--config", str(STAGES), "--kubeconfig", str(self.kubeconfig(ADMIN))]
        self._spawn_kwok(words)
        self.add_controller()

    def _spawn_kwok(self, words: list[str]) -> None:
        with (self.folder / "kwok.log").open("ab") as log:
            managed = ["--manage-nodes-with-label-selector", "kwok.x-k8s.io/node=fake"]
            child = subprocess.Popen(
                [str(find("kwok")), *words, *managed, "--node-lease-duration-seconds", "40"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(child)

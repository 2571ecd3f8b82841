"""A real Kubernetes control plane with fake nodes (kwok), which audits the calls of one user."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.control_plane import ADMIN, ControlPlane
from tests.support.programs import find

NODE_PODS = 200
USER = "system:serviceaccount:robot:robot-controller"
STAGES = Path(__file__).with_name("_fake_nodes.yaml")
LABEL = {"kwok.x-k8s.io/node": "fake"}


class FakeCluster(ControlPlane):
    """Nodes without machines, whose pods run as soon as they are scheduled."""

    def _api_flags(self) -> list[str]:
        policy = self.folder / "audit.yaml"
        rules = [{"level": "Metadata", "users": [USER], "omitStages": ["RequestReceived"]}]
        policy.write_text(
            json.dumps(
                {
                    "apiVersion": "audit.k8s.io/v1",
                    "kind": "Policy",
                    "rules": [*rules, {"level": "None"}],
                }
            )
        )
        audit = ["--audit-policy-file", str(policy), "--audit-log-path", str(self._audit)]
        return [*super()._api_flags(), *audit]

    @property
    def _audit(self) -> Path:
        return self.folder / "audit.log"

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
        self.kubectl("apply", "-f", str(BASE_DIR / "k8s/base/namespaces.yaml"))
        self.kubectl("apply", "-f", str(BASE_DIR / "k8s/base/controller-rbac.yaml"))

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

    def controller_kubeconfig(self) -> Path:
        """Kubeconfig with the rights of the controller's service account."""
        made = self.kubectl("create", "token", "robot-controller", "-n", "robot", "--duration=2h")
        config = json.loads(self.kubeconfig(ADMIN).read_text())
        config["users"][0]["user"] = {"token": made.stdout.strip()}
        path = self.folder / "kubeconfig-controller"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config))
        return path

    def calls(self) -> Counter[str]:
        """Number of calls that the controller has made, by verb and kind of object."""
        counted: Counter[str] = Counter()
        for line in self._audit.read_text().splitlines() if self._audit.exists() else ():
            entry: dict[str, Any] = json.loads(line)
            if entry["stage"] == (
                "ResponseStarted" if entry["verb"] == "watch" else "ResponseComplete"
            ):
                counted[f"{entry['verb']} {entry.get('objectRef', {}).get('resource', '?')}"] += 1
        return counted

"""A control plane with one real node."""

import shlex
import sys
from pathlib import Path

from robotsim_project.environment import BASE_DIR
from tests.deployment.cluster.control_plane import ControlPlane
from tests.deployment.node import containerd
from tests.deployment.node.machine import Machine
from tests.deployment.node.real_node import MAX_PODS, RealNode
from tests.support.programs import cache


class RealCluster(ControlPlane):
    """A control plane that listens on the link to its node."""

    context = "minikube"
    """Name in kubectl: the project's scripts see minikube, for which `minikube.py` stands in."""

    def __init__(self, folder: Path, *, max_pods: int = MAX_PODS) -> None:
        machine = Machine()
        super().__init__(folder, machine.host_address)
        self.node = RealNode(machine, self, max_pods)

    def start(self, *, standin: bool = False) -> None:
        """Start everything and wait until the node is Ready; images that are missing are built first."""
        containerd.fill_store()
        self.node.machine.start()
        super().start(standin=standin)
        self._write_minikube()
        self.node.start()

    def stop(self) -> None:
        """End it at once (nothing in it is kept)."""
        super().stop()
        self.node.machine.stop()

    def _write_minikube(self) -> None:
        machine = self.node.machine
        lines = [
            "#!/bin/sh",
            f"export MINIKUBE_ENTER={shlex.quote(shlex.join(machine.enter()))}",
            f"export MINIKUBE_ADDRESS={machine.address} XDG_CACHE_HOME={cache().parent}",
            f"export PYTHONPATH={BASE_DIR}",
            f'exec {sys.executable} -m tests.deployment.node.minikube "$@"',
        ]
        program = self.folder / "bin" / "minikube"
        program.write_text("\n".join(lines) + "\n")
        program.chmod(0o755)

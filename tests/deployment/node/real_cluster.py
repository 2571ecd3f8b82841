"""A control plane with one real node."""

from pathlib import Path

from tests.deployment.cluster.control_plane import ControlPlane
from tests.deployment.node import containerd
from tests.deployment.node.machine import Machine
from tests.deployment.node.real_node import RealNode


class RealCluster(ControlPlane):
    """A control plane that listens on the link to its node."""

    def __init__(self, folder: Path) -> None:
        machine = Machine()
        super().__init__(folder, machine.host_address)
        self.node = RealNode(machine, self)

    def start(self, *, standin: bool = False) -> None:
        """Start everything and wait until the node is Ready; images that are missing are built first."""
        containerd.fill_store()
        self.node.machine.start()
        super().start(standin=standin)
        self.node.start()

    def stop(self) -> None:
        """End it at once (nothing in it is kept)."""
        super().stop()
        self.node.machine.stop()

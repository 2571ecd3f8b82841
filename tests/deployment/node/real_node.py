"""A real Kubernetes node: kubelet, containerd, runc and the CNI plugins of Debian, in a machine of its own."""

import json
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.deployment.cluster.control_plane import ControlPlane
from tests.deployment.node import images
from tests.deployment.node.machine import Machine
from tests.support.programs import find
from tests.support.servers import wait_until

_CONTAINERD = """\
version = 2
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs"]

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{sandbox}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{folder}/cni"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
"""


class RealNode:
    """A node of a control plane, which was started on the machine's `host_address`."""

    def __init__(self, machine: Machine, plane: ControlPlane, name: str = "node") -> None:
        self.machine = machine
        self.name = name
        self._plane = plane
        self._kubelet: subprocess.Popen[bytes] | None = None

    def start(self, archives: Iterable[Path] = ()) -> None:
        """Start everything, load images and wait until the node is Ready."""
        self._write_network()
        self._start_containerd()
        for archive in archives:
            self.load(archive)
        self._write_kubelet_config()
        self.start_kubelet()

    def start_kubelet(self) -> None:
        """Start the kubelet and wait until its node is Ready."""
        words = [
            *("kubelet", "--config", self.machine.folder / "kubelet.json"),
            *("--kubeconfig", self._plane.kubeconfig(f"system:node:{self.name}")),
            *("--hostname-override", self.name, "--node-ip", self.machine.address),
        ]
        self._kubelet = self.machine.start_program("kubelet", [find("controlplane"), *words])
        wait_until(self._is_ready, self._kubelet, self.machine.log("kubelet"))

    def kill_kubelet(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the kubelet; its pods go on."""
        assert self._kubelet is not None
        self.machine.kill(self._kubelet, number)

    def load(self, archive: Path) -> None:
        """Load an image from an archive as `docker save` writes it."""
        self.machine.run("ctr", "-n", "k8s.io", "images", "import", archive)

    def _is_ready(self) -> bool:
        words = ("get", "node", self.name, "-o", "json")
        found = self._plane.kubectl(*words, check=False)
        if found.returncode != 0:
            return False
        conditions: list[dict[str, Any]] = json.loads(found.stdout)["status"]["conditions"]
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _write_network(self) -> None:
        """Pods are routed, not bridged: what they send to each other passes the firewall as well."""
        ipam = {
            "type": "host-local",
            "subnet": self.machine.pod_network,
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        plugin = {"type": "ptp", "ipam": ipam}
        folder = self.machine.folder / "cni"
        folder.mkdir()
        config = {"cniVersion": "0.4.0", "name": "pods", "plugins": [plugin]}
        (folder / "pods.conflist").write_text(json.dumps(config))

    def _start_containerd(self) -> None:
        config = self.machine.folder / "containerd.toml"
        config.write_text(_CONTAINERD.format(sandbox=images.SANDBOX, folder=self.machine.folder))
        words = ["containerd", "--config", config]
        running = self.machine.start_program("containerd", words)
        wait_until(self._containerd_answers, running, self.machine.log("containerd"))

    def _containerd_answers(self) -> bool:
        return "Server:" in self.machine.run("ctr", "version", check=False)

    def _write_kubelet_config(self) -> None:
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.machine.control_group,
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "enforceNodeAllocatable": ["pods"],
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
            "clusterDNS": [self.machine.address],
            "clusterDomain": "cluster.local",
            "healthzPort": 0,
        }
        (self.machine.folder / "kubelet.json").write_text(json.dumps(config))

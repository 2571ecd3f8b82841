"""A real Kubernetes node: kubelet, kube-proxy, containerd, runc and CNI plugins in a machine of its own."""

import json
import signal
import subprocess
from typing import Any

from tests.deployment.cluster.control_plane import ADMIN, NODE, PROXY, ControlPlane
from tests.deployment.node import addons, containerd, images
from tests.deployment.node.machine import Machine
from tests.support.programs import find
from tests.support.servers import wait_until

VOLUMES = "/var/lib/volumes"
MAX_PODS = 110
"""Default limit of a kubelet; the pod network has 250 addresses."""


class RealNode:
    """A node of a control plane, which was started on the machine's `host_address`."""

    name = "node"

    def __init__(self, machine: Machine, plane: ControlPlane, max_pods: int = MAX_PODS) -> None:
        self.machine = machine
        self._max_pods = max_pods
        root = machine.folder / "containerd"
        self.containerd = containerd.Containerd(machine, root)
        self._plane = plane
        self._root = root
        self._kubelet: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start everything and wait until the node is Ready."""
        self._write_network()
        containerd.copy_store(self._root)
        self.containerd.start()
        self.containerd.tag(images.named("busybox"), "docker.io/library/busybox:latest")
        self._write("kubelet", self._kubelet_config())
        self._write("kube-proxy", self._proxy_config())
        self.start_kubelet()
        self._run("kube-proxy", "--config", str(self.machine.folder / "kube-proxy.json"))
        self._run("provisioner", str(self._plane.kubeconfig(ADMIN)), VOLUMES)
        addons.install(self._plane)

    def start_kubelet(self) -> None:
        """Start the kubelet and wait until its node is Ready."""
        self._kubelet = self._run(
            *("kubelet", "--config", str(self.machine.folder / "kubelet.json")),
            *("--kubeconfig", str(self._plane.kubeconfig(NODE))),
            *("--hostname-override", self.name, "--node-ip", self.machine.address),
        )
        wait_until(self.is_ready, self._kubelet, self.machine.log("kubelet"))

    def kill_kubelet(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the kubelet; its pods go on."""
        assert self._kubelet is not None
        self.machine.kill(self._kubelet, number)

    def is_ready(self) -> bool:
        """Return True when the control plane holds the node for Ready."""
        found = self._plane.kubectl("get", "node", self.name, "-o", "json", check=False)
        if found.returncode != 0:
            return False
        conditions: list[dict[str, Any]] = json.loads(found.stdout)["status"]["conditions"]
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def _run(self, part: str, *words: str) -> subprocess.Popen[bytes]:
        return self.machine.start_program(part, [find("controlplane"), part, *words])

    def _write(self, part: str, config: dict[str, Any]) -> None:
        (self.machine.folder / f"{part}.json").write_text(json.dumps(config))

    def _write_network(self) -> None:
        """Pods are routed, not bridged: what they send to each other passes the firewall as well."""
        routes = [{"dst": "0.0.0.0/0"}]
        ipam = {"type": "host-local", "subnet": self.machine.pod_network, "routes": routes}
        plugins = [{"type": "ptp", "ipam": ipam}]
        config = {"cniVersion": "0.4.0", "name": "pods", "plugins": plugins}
        (self.machine.folder / "cni").mkdir()
        (self.machine.folder / "cni" / "pods.conflist").write_text(json.dumps(config))

    def _kubelet_config(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "containerRuntimeEndpoint": containerd.SOCKET,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.machine.control_group,
            "failCgroupV1": False,
            "failSwapOn": False,
            "oomScoreAdj": 0,
            "enforceNodeAllocatable": ["pods"],
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
            "clusterDNS": [addons.NAME_SERVER],
            "clusterDomain": "cluster.local",
            "healthzPort": 0,
            "maxPods": self._max_pods,
        }

    def _proxy_config(self) -> dict[str, Any]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": {"kubeconfig": str(self._plane.kubeconfig(PROXY))},
            "hostnameOverride": self.name,
            "mode": "iptables",
            "clusterCIDR": self.machine.pod_network,
            # The kernel's limits of connections are those of the whole machine: left as they are.
            "conntrack": {"maxPerCore": 0, "min": 0},
        }

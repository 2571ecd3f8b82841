"""Parts that a cluster brings along: a name server, and an entry where metrics are served.

The name server is a part of the tests' own program. Metrics are not served: metrics-server would be one more
program to build, and only the autoscaler and `kubectl top` ask for them. The entry says that there is one, so
that install.sh does not wait for its image.
"""

from typing import Any

from tests.deployment.cluster.control_plane import ControlPlane
from tests.deployment.node import images
from tests.support.programs import find

NAME_SERVER = "10.0.0.10"
_PLACE = "kube-system"
_LABELS = {"k8s-app": "kube-dns"}


def install(plane: ControlPlane) -> None:
    """Start the name server and wait until it is ready."""
    binding = ("create", "clusterrolebinding", "names", "--clusterrole=view")
    plane.kubectl("create", "serviceaccount", "names", "-n", _PLACE)
    plane.kubectl(*binding, f"--serviceaccount={_PLACE}:names")
    plane.apply(_service())
    plane.apply(_deployment())
    plane.apply(_metrics())
    plane.kubectl("rollout", "status", "deployment/names", "-n", _PLACE, "--timeout=110s")


def _service() -> dict[str, Any]:
    ports = [{"name": "dns", "protocol": "UDP", "port": 53}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": _PLACE},
        "spec": {"clusterIP": NAME_SERVER, "selector": _LABELS, "ports": ports},
    }


def _deployment() -> dict[str, Any]:
    """The program lies on the node: it is no part of an image."""
    program = str(find("controlplane"))
    container = {
        "name": "names",
        "image": images.BASE,
        "imagePullPolicy": "Never",
        "command": ["/controlplane", "dns", ":53"],
        "volumeMounts": [{"name": "program", "mountPath": "/controlplane", "readOnly": True}],
    }
    pod = {
        "serviceAccountName": "names",
        "priorityClassName": "system-cluster-critical",
        "containers": [container],
        "volumes": [{"name": "program", "hostPath": {"path": program, "type": "File"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "names", "namespace": _PLACE},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }


def _metrics() -> dict[str, Any]:
    group = {"group": "metrics.k8s.io", "version": "v1beta1"}
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {**group, "groupPriorityMinimum": 100, "versionPriority": 100},
    }

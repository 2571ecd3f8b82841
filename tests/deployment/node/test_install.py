"""The system installed by the guide on an empty real node."""

import pytest

from tests.deployment.cluster.conftest import until
from tests.deployment.guide_reader import Reader
from tests.deployment.node.real_cluster import RealCluster

pytestmark = pytest.mark.cluster


def test_every_pod_is_ready_under_its_probes(cluster: RealCluster, walked: Reader) -> None:
    def unready() -> list[str]:
        pods = cluster.get("pods", "-n", "robot")["items"]
        return [
            pod["metadata"]["name"]
            for pod in pods
            if pod["status"]["phase"] != "Succeeded"
            and not all(
                each["ready"] for each in pod["status"].get("containerStatuses", [{"ready": 0}])
            )
        ]

    until(lambda: not unready(), 300)

"""Write the manifests of units as the backend `kubernetes` creates them, for `scripts/check_manifests.py`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from agent.protocol import Link
from simulations.backends.base import Job, Placement, Resources, Toleration
from simulations.backends.kubernetes.manifests import indexed_job, owner, probe_job, secret
from simulations.backends.kubernetes.pods import Site

NAMESPACE = "robot-agents"
SITE = Site(pull_policy="IfNotPresent", queue="", disk_mib=2048, upload_seconds=1800)
IMAGE = "robot-sim-agent:0.1.0"
SERVER = "http://robot-backend-service.robot:8000/api/v1"
JOB = Job(
    execution=1,
    stage_run=1,
    units=1,
    retries=0,
    token="",
    server=SERVER,
    image=IMAGE,
    resources=Resources(cpu=250, cpu_limit=1000, memory=256, memory_limit=512),
)
FULL = replace(
    JOB,
    stage_run=2,
    units=200,
    retries=3,
    secret="site-7",  # noqa: S106  a name
    max_seconds=5400.5,
    placement=Placement(
        {"site": "north"},
        (
            Toleration("robots", "Exists", effect="NoSchedule"),
            Toleration("gpu", value="none", effect="NoExecute"),
        ),
    ),
)
LINK = Link(transport="zenoh", endpoint="tcp/router:7447", secret="site-7")  # noqa: S106


def samples() -> list[dict[str, Any]]:
    """Return a manifest of each kind, with and without all that may be left out."""
    manifests = [
        secret(JOB),
        indexed_job(JOB, SITE),
        indexed_job(FULL, replace(SITE, queue="robots")),
        probe_job("probe-0", LINK, FULL.placement, IMAGE, SERVER, SITE),
    ]
    owned = secret(FULL)
    owned["metadata"] |= owner(FULL, "00000000-0000-0000-0000-000000000000")["metadata"]
    for manifest in (*manifests, owned):
        manifest["metadata"]["namespace"] = NAMESPACE
    return [*manifests, owned]


if __name__ == "__main__":
    yaml.safe_dump_all(samples(), sys.stdout)

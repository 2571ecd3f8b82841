"""Agents of the installed system are pods, which play through rollouts of what serves them."""

import json
from typing import Any

from tests.deployment.cluster.conftest import until
from tests.deployment.guide_reader import Reader
from tests.deployment.node.real_cluster import RealCluster
from tests.deployment.node.test_guide_faults import rolled_out

SERVING = ("robot-backend", "robot-stream", "robot-controller", "robot-worker")
START = """
from django.core.management import call_command
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from storage.models import Rosbag
from templates.services import templates
call_command("make_sample_bag", "/tmp/drive", seconds=5)
call_command("import_bag", "/tmp/drive", name="drive")
rosbag = Rosbag.objects.get(name="drive").pk
topics = [{"name": "/odom", "type": "nav_msgs/msg/Odometry"}]
template = templates.create(name="drive", rosbag=rosbag, record_topics=topics, record_own=True)
stage = StageSpec(template=template, agent_count=4, repeat_count=1000)
mec = mecs.ensure("nobody", name="Nobody", transport="null", endpoint="")
simulation = create_simulation(name="drive", pattern="sequential", mec=mec, stages=[stage])
print(lifecycle.start(simulation).pk)
"""
STOP = """
from simulations.models import Execution
from simulations.services.runs import lifecycle
lifecycle.stop(Execution.objects.get(pk={execution}))
"""
SHOWN = """
import json
from simulations.models import AgentRun, Execution, Recording
execution = Execution.objects.get(pk={execution})
agents = AgentRun.objects.filter(stage_run__execution=execution).order_by("pk")
print(json.dumps({{
    "status": execution.status,
    "data": execution.data_status,
    "waiting": [stage_run.waiting for stage_run in execution.stage_runs.all()],
    "agents": list(agents.values("number", "attempt", "status", "failure_code", "published")),
    "recorded": [
        recording.rosbag and recording.rosbag.message_count
        for recording in Recording.objects.filter(stage_run__execution=execution)
    ],
}}))
"""


def shell(cluster: RealCluster, program: str) -> str:
    """Run a program in the installed system, and return what it printed."""
    place = ("exec", "deployment/robot-backend", "-n", "robot", "--")
    return cluster.kubectl(*place, "python", "manage.py", "shell", "-v", "0", "-c", program).stdout


def test_agents_play_through_rollouts(cluster: RealCluster, walked: Reader) -> None:
    execution = int(shell(cluster, START).splitlines()[-1])

    def shown() -> dict[str, Any]:
        result: dict[str, Any] = json.loads(shell(cluster, SHOWN.format(execution=execution)))
        return result

    def states() -> set[tuple[int, str, str]]:
        agents = shown()["agents"]
        return {(each["attempt"], each["status"], each["failure_code"]) for each in agents}

    until(lambda: states() == {(1, "RUNNING", "")}, 300)
    for name in SERVING:
        cluster.kubectl("rollout", "restart", f"deployment/{name}", "-n", "robot")
    rolled_out(cluster, *SERVING)
    before = shown()
    assert states() == {(1, "RUNNING", "")}, before
    shell(cluster, STOP.format(execution=execution))
    until(lambda: shown()["status"] == "STOPPED", 300)
    after = shown()
    assert {each["attempt"] for each in after["agents"]} == {1}
    assert (after["data"], all(after["recorded"])) == ("COMPLETE", True), after
    label = f"robotsim.io/execution={execution}"
    until(
        lambda: not cluster.get("jobs,pods,secrets", "-n", "robot-agents", "-l", label)["items"],
        120,
    )

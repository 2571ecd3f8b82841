"""Executions of a tested installation: started, looked at and judged; runs in the shell of its `World`.

Everything that comes and goes is JSON.
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rosbag2.reading.reader import BagReader
from simulations.choices import AGENT_ENDED, ENDED
from simulations.models import AgentRun, Execution, Mec, Recording
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from storage.models import Rosbag
from storage.objects import object_store
from storage.services.intake import imports
from storage.services.maintenance import integrity
from templates.models import Template
from templates.services import templates
from tests.support.new_bags import TOPIC, write_bag

MEC = "drives"
Shown = dict[str, Any]


def prepare(endpoint: str, folder: str) -> None:
    """Create the MEC, and two templates: `light` has 10 small messages in 0.9 s, `heavy` 20 MB in 1.9 s."""
    mecs.ensure(
        MEC, name="Drives", transport="zenoh-raw" if endpoint else "null", endpoint=endpoint
    )
    for name, messages, size in (("light", 10, 200), ("heavy", 20, 10**6)):
        bag = Path(folder) / name
        write_bag(bag, messages, size)
        rosbag = imports.import_folder(bag)
        wait_for(lambda pk=rosbag.pk: Rosbag.objects.get(pk=pk).usable)
        templates.create(name=name, rosbag=rosbag.pk, record_topics=[TOPIC], record_own=True)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Look thirty times a second whether something is true; return False when time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


def start(name: str, template: str, agents: int, *stages: Shown) -> int:
    """Start an execution of one-template stages; its agents have the namespaces `/<name>_1` and on."""
    chosen = Template.objects.get(name=template)
    simulation = create_simulation(
        name=name,
        pattern="sequential",
        mec=Mec.objects.get(slug=MEC),
        stages=[StageSpec(template=chosen, agent_count=agents, **stage) for stage in stages],
        namespace_prefix=f"/{name}_",
    )
    return lifecycle.start(simulation).pk


def stop(execution: int) -> None:
    lifecycle.stop(Execution.objects.get(pk=execution))


def states(*executions: int) -> list[Shown]:
    """Return status and the states of agents of each execution."""
    shown = []
    for pk in executions:
        execution = Execution.objects.get(pk=pk)
        agents = AgentRun.objects.filter(stage_run__execution=pk)
        shown.append(
            {
                "status": execution.status,
                "ended": execution.status in ENDED,
                "agents": dict(Counter(agents.values_list("status", flat=True))),
            }
        )
    return shown


def await_agents(execution: int, state: str, seconds: float) -> bool:
    """Wait until all agents that have registered are in a state; return False when time is over."""
    agents = AgentRun.objects.filter(stage_run__execution=execution)
    return wait_for(lambda: set(agents.values_list("status", flat=True)) == {state}, seconds)


ORDER = (
    *("PENDING", "0 PREPARING", "0 READY", "0 RUNNING", "0 UPLOADING", "0 FINALIZING"),
    *("1 DELAY", "1 PREPARING", "1 READY", "1 RUNNING", "1 UPLOADING", "1 FINALIZING"),
    *("STOPPING", "ENDED"),
)
"""Steps of an execution of two stages."""


def await_step(execution: int, step: str, seconds: float) -> bool:
    """Wait until an execution has reached a step; return False when it is in a later one already."""
    deadline = time.monotonic() + seconds
    now = ""
    while time.monotonic() < deadline:
        now = _step(Execution.objects.get(pk=execution))
        if ORDER.index(now) >= ORDER.index(step):
            return now == step
        time.sleep(0.03)
    raise AssertionError(f"{step} was not reached: {now}")


def _step(execution: Execution) -> str:
    if execution.status in {"PENDING", "STOPPING"} or execution.ended:
        return "ENDED" if execution.ended else str(execution.status)
    open_stages = execution.stage_runs.exclude(status__in=ENDED).order_by("position")
    stage = open_stages.first()
    if stage is None:
        return "1 FINALIZING"
    position = list(execution.stage_runs.order_by("position")).index(stage)
    step = str(stage.status)
    if step == "PENDING":
        step = "DELAY" if position else "PREPARING"
    elif step == "RUNNING":
        step = _running_step({status for (status,) in stage.agent_runs.newest("status").values()})
    return f"{position} {step}"


def _running_step(statuses: set[str]) -> str:
    if "UPLOADING" in statuses:
        return "UPLOADING"
    if statuses == {"RUNNING"}:
        return "RUNNING"
    # Lost ones are tried again; without retries the stage itself is FINALIZING soon.
    return "FINALIZING" if statuses <= AGENT_ENDED - {"LOST"} else "READY"


def judge(execution_id: int) -> Shown:
    """Return all that shows how an execution has ended, and what is left of it."""
    execution = Execution.objects.get(pk=execution_id)
    agents = AgentRun.objects.filter(stage_run__execution=execution).order_by("number", "attempt")
    sequences = list(execution.events.order_by("sequence").values_list("sequence", flat=True))
    recordings = Recording.objects.filter(stage_run__execution=execution).order_by("pk")
    return {
        "status": execution.status,
        "data": execution.data_status,
        "failure": execution.failure_code,
        "agents": [
            {
                "number": agent.number,
                "attempt": agent.attempt,
                "status": agent.status,
                "failure": agent.failure_code,
                "published": agent.published,
            }
            for agent in agents
        ],
        "recordings": [_recording(recording) for recording in recordings],
        # The last event follows the end, and may have been written after the execution was read.
        "gaps": sequences != list(range(1, max(len(sequences), execution.event_count) + 1)),
        "lost_units": execution.events.filter(kind="unit.lost").count(),
    }


def _recording(recording: Recording) -> Shown:
    """Open a stored recording with the reader, and count its messages by topic."""
    shown: Shown = {"status": recording.status, "text": recording.text, "messages": {}}
    if recording.rosbag is not None and recording.rosbag.usable:
        with TemporaryDirectory() as folder:
            for file in recording.rosbag.files.all():
                object_store().fetch(file.key, Path(folder) / file.path)
            with BagReader(Path(folder)) as reader:
                topics = (topic for batch in reader.batches() for _at, topic, _data in batch)
                shown["messages"] = dict(Counter(topics))
    return shown


def storage() -> list[str]:
    """Return what is wrong with the storage: as `check_storage`, and uploads that nobody will end."""
    report = integrity.check()
    wrong = [f"missing {file.key}" for file in report.missing]
    wrong += [f"wrong size {file.key}" for file in report.wrong_size]
    wrong += [f"orphaned {stored.key}" for stored in report.orphaned]
    left = Rosbag.objects.filter(status__in=["uploading", "verifying"])
    return wrong + [f"{bag.name} is still {bag.status}" for bag in left]

"""Executions that play in pods which run nothing, for `passes.py`; the API server is that of the tests.

Everything that a pass reads is there as in a real run: Jobs and pods behind the API, rows in the database,
heartbeats in Redis. What agents, kubelets and the Job controller would do is done here.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.protocol import PROTOCOL, AgentReport, AgentState, Registration, Snapshot
from rosbag2.writing.sample import make_sample
from simulations.backends.kubernetes.labels import INDEX, JOB_NAME
from simulations.choices import RunStatus
from simulations.live import silence, snapshots
from simulations.models import Execution, StageRun
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle, registration, reports
from simulations.services.runs.reconcile import reconcile
from storage.services.intake import imports
from storage.services.verification import verifier
from templates.services import templates
from tests.support.kubernetes_api import KubernetesApi

PASSES_TO_START = 20


def _pass_until(condition: Callable[[], bool]) -> None:
    for _ in range(PASSES_TO_START):
        silence.record_echo()
        reconcile()
        if condition():
            return
        time.sleep(0.5)  # the watches need a moment, and the release is some seconds ahead
    raise RuntimeError("they do not play")


class ActiveExecutions:
    """Executions of one stage each; `add` starts more, `beat` reports of all their units."""

    def __init__(
        self, api: KubernetesApi, namespace: str, folder: Path, units: int, per_unit: int
    ) -> None:
        self._api, self._namespace = api, namespace
        self._units, self._per_unit = units, per_unit
        make_sample(folder / "drive", seconds=5)
        rosbag = verifier.run(imports.import_folder(folder / "drive").pk)
        self._template = templates.create(name="driver", rosbag=rosbag)
        self._mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
        self._playing: list[StageRun] = []
        self._count = self._sequence = 0

    def add(self, count: int) -> None:
        """Start executions and let them play."""
        new = [self._start() for _ in range(count)]
        silence.record_echo()
        reconcile()  # launches their Jobs
        for stage_run in new:
            self._run_pods(stage_run)
        self._play(new)
        self._playing += new

    def beat(self) -> None:
        """Store a heartbeat of each unit, as each sends one a second, and the echo of a controller."""
        for message in self._new_snapshots(self._playing, AgentState.RUNNING):
            snapshots.store(*message)
        silence.record_echo()

    def _start(self) -> StageRun:
        stage = StageSpec(
            template=self._template,
            agent_count=self._units * self._per_unit,
            execution_time=3600,
            repeat_count=10_000,
        )
        self._count += 1
        name = f"simulation {self._count}"
        simulation = create_simulation(
            name=name, pattern="sequential", mec=self._mec, stages=[stage]
        )
        return lifecycle.start(simulation).stage_runs.get()

    def _run_pods(self, stage_run: StageRun) -> None:
        stage_run.refresh_from_db()
        if not stage_run.handle:
            raise RuntimeError(f"not launched: {stage_run.waiting}")
        for unit in range(self._units):
            pod = self._create_pod(stage_run, unit)
            registration.register(
                stage_run.execution_id,
                Registration(
                    protocol=PROTOCOL,
                    stage_run=stage_run.pk,
                    unit=unit,
                    host="pod",
                    pid=1,
                    process=pod["metadata"]["uid"],
                ),
            )

    def _create_pod(self, stage_run: StageRun, unit: int) -> Any:
        """As the Job controller and a kubelet would."""
        job_name = f"execution-{stage_run.execution_id}-stage-{stage_run.pk}"
        job = self._api.objects.get("jobs", self._namespace, job_name)
        template = job["spec"]["template"]
        metadata = {
            "name": f"{job_name}-{unit}",
            "labels": template["metadata"]["labels"] | {JOB_NAME: job_name, INDEX: str(unit)},
            "annotations": template["metadata"]["annotations"],
        }
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        pod = {"metadata": metadata, "spec": template["spec"], "status": status}
        return self._api.objects.create("pods", self._namespace, pod)

    def _play(self, new: list[StageRun]) -> None:
        """Let agents be ready and play; a first pass after that records their start."""
        active = Execution.objects.active()
        self._report(new, AgentState.READY)
        _pass_until(lambda: not active.exclude(status=RunStatus.RUNNING).exists())
        self._report(new, AgentState.RUNNING)
        _pass_until(lambda: not active.filter(started_at=None).exists())

    def _report(self, stage_runs: list[StageRun], state: AgentState) -> None:
        for message in self._new_snapshots(stage_runs, state):
            silence.record_echo()
            reports.report(*message)

    def _new_snapshots(
        self, stage_runs: list[StageRun], state: AgentState
    ) -> Iterator[tuple[int, Snapshot]]:
        """The next snapshot of each unit, with its execution."""
        self._sequence += 1
        for stage_run in stage_runs:
            for unit in range(self._units):
                yield stage_run.execution_id, self._snapshot(stage_run.pk, unit, state)

    def _snapshot(self, stage_run: int, unit: int, state: AgentState) -> Snapshot:
        first = 1 + unit * self._per_unit
        agents = tuple(
            AgentReport(
                number=number,
                state=state,
                published=50 * self._sequence,
                lateness_p50_us=60.0,
                lateness_p99_us=900.0,
                start_skew_us=250.0,
                skew_uncertainty_us=90.0,
            )
            for number in range(first, first + self._per_unit)
        )
        return Snapshot(
            stage_run=stage_run,
            unit=unit,
            attempt=1,
            sequence=self._sequence,
            sent_ns=time.time_ns(),
            agents=agents,
        )

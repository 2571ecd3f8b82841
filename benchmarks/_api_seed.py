"""Fill a fresh database for `api.py`: a few rows by services, the rest by copies inside the database."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection, models
from django.utils import timezone

from accounts.choices import Role
from accounts.models import User
from agent.protocol import AgentReport, AgentState, Snapshot
from rosbag2.writing.sample import make_sample
from simulations.choices import AgentStatus, DataStatus, FailureCode, RunStatus
from simulations.live import snapshots
from simulations.models import AgentRun, Event, Execution, Simulation, Stage, StageRun
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from storage.services.intake import imports
from storage.services.verification import verifier
from templates.models import Template
from templates.services import templates

EMAIL, PASSWORD = "bench@example.org", "a long enough benchmark password"
FIRST = 1000
"""Ids of copies are greater than this one, those of their sources less."""
STAGES = 3
AGENTS = 100
"""Agents of an execution that has agent runs."""
UNIT = 10
RUNNING = 5
SHARES = ((RunStatus.COMPLETED, 0, 89), (RunStatus.FAILED, 90, 96), (RunStatus.STOPPED, 97, 99))
"""Final status of executions by number modulo 100: from, to."""


class Seeded(NamedTuple):
    """Ids and counts for the requests."""

    simulations: int
    executions: int
    running: list[int]
    startable: int
    template: int
    mec: int


def seed(folder: Path, *, simulations: int, executions: int, agent_runs: int) -> Seeded:
    """Fill the database with the given numbers of copied rows."""
    user = User.objects.create_user(EMAIL, PASSWORD, role=Role.ADMIN)
    bag = folder / "drive"
    make_sample(bag, seconds=5)
    rosbag = verifier.run(imports.import_folder(bag).pk)
    template = templates.create(name="driver", rosbag=rosbag, created_by=user)
    copy(Template, template.pk, 200, name="'template ' || n")
    mec = mecs.ensure("nowhere", name="Nowhere", transport="null")
    counts = (AGENTS, 20, 20)
    stages = [StageSpec(template=template, agent_count=n, execution_time=60) for n in counts]
    prototype = create_simulation(
        name="prototype", pattern="sequential", mec=mec, stages=stages, created_by=user
    )
    _copy_simulations(prototype, simulations)
    ended = {status: _create_ended(prototype, status, user) for status, _from, _to in SHARES}
    _copy_executions(ended, simulations, executions, agent_runs)
    last = FIRST + simulations
    running = [_running(pk, user) for pk in range(last - RUNNING + 1, last + 1)]
    startable = create_simulation(
        name="startable",
        pattern="sequential",
        mec=mec,
        stages=stages,
        created_by=user,
        concurrent_executions=True,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return Seeded(simulations, executions, running, startable.pk, template.pk, mec.pk)


def table_of(model: type[models.Model]) -> str:
    """Return the name of the table of a model."""
    return model._meta.db_table  # noqa: SLF001


def ids_after_last(model: type[models.Model]) -> str:
    """Return SQL for ids after the last one."""
    return f"(SELECT max(id) FROM {table_of(model)}) + n"  # noqa: S608


def copy(
    model: type[models.Model], pk: int, count: int, where: str = "true", **values: str
) -> None:
    """Copy one row `count` times; `values` are SQL by field, `n` counts from 1, ids from `FIRST`."""
    fields = model._meta.concrete_fields  # noqa: SLF001
    expressions = {"id": f"{FIRST} + n", **values}
    columns = ", ".join(f'"{field.column}"' for field in fields)
    chosen = ", ".join(
        expressions.get(field.attname, f'source."{field.column}"') for field in fields
    )
    table = table_of(model)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM {table} source, "  # noqa: S608
            f"generate_series(1, {count}) n WHERE source.id = {pk} AND {where}"
        )
        last = f"(SELECT max(id) FROM {table})"  # noqa: S608
        cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last})")


def _copy_simulations(prototype: Simulation, count: int) -> None:
    copy(
        Simulation,
        prototype.pk,
        count,
        name="'simulation ' || n",
        created_at=f"now() - ({count} - n) * interval '1 minute'",
        updated_at=f"now() - ({count} - n) * interval '50 seconds'",
    )
    for index, stage in enumerate(prototype.stages.order_by("position")):
        copy(
            Stage,
            stage.pk,
            count,
            id=f"{FIRST} + (n - 1) * {STAGES} + {index + 1}",
            simulation_id=f"{FIRST} + n",
            template_id=f"{FIRST} + 1 + (n + {index}) % 200",
        )


def _create_ended(simulation: Simulation, status: RunStatus, user: User) -> Execution:
    """Create an ended execution, with agents in its first stage."""
    execution = _start(simulation, user)
    first = execution.stage_runs.order_by("position").first()
    assert first is not None
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=first,
            number=number + 1,
            unit=number // UNIT,
            status=AgentStatus.COMPLETED,
            published=500,
            published_bytes=350_000,
            passes=1,
            lateness_p50_us=60.0,
            lateness_p99_us=900.0,
            start_skew_us=250.0,
            skew_uncertainty_us=90.0,
            ended_at=timezone.now(),
        )
        for number in range(AGENTS)
    )
    for run in execution.stage_runs.all():
        lifecycle.move_stage(run, list(RunStatus), status)
    failed = status == RunStatus.FAILED
    failure = {"failure_code": FailureCode.AGENT_CRASHED, "failure_text": "exit code 1"}
    data = DataStatus.INCOMPLETE if failed else DataStatus.COMPLETE
    fields: dict[str, Any] = failure if failed else {}
    lifecycle.move_execution(execution, list(RunStatus), status, data_status=data, **fields)
    return execution


def _start(simulation: Simulation, user: User) -> Execution:
    execution = lifecycle.start(simulation, requested_by=user)
    lifecycle.move_execution(execution, list(RunStatus), RunStatus.PREPARING)
    first = execution.stage_runs.order_by("position").first()
    assert first is not None
    lifecycle.move_stage(first, list(RunStatus), RunStatus.PREPARING)
    lifecycle.release(execution, [first], timezone.now())
    return execution


def _copy_executions(
    ended: dict[RunStatus, Execution], simulations: int, count: int, agent_runs: int
) -> None:
    """Copy the ended executions with their parts; only the newest have agent runs."""
    with_agents = f"n > {count - agent_runs // AGENTS}"
    for status, low, high in SHARES:
        source = ended[status]
        where = f"n % 100 BETWEEN {low} AND {high}"
        copy(
            Execution,
            source.pk,
            count,
            where,
            simulation_id=f"{FIRST} + 1 + (n - 1) % {simulations}",
            number=f"1 + (n - 1) / {simulations}",
            created_at=f"now() - ({count} - n) * interval '20 seconds'",
        )
        for event in Event.objects.filter(execution=source):
            number = ids_after_last(Event)
            copy(Event, event.pk, count, where, id=number, execution_id=f"{FIRST} + n")
        for index, run in enumerate(source.stage_runs.order_by("position")):
            number = f"{FIRST} + (n - 1) * {STAGES} + {index + 1}"
            copy(StageRun, run.pk, count, where, id=number, execution_id=f"{FIRST} + n")
            stage_run = f"{FIRST} + (n - 1) * {STAGES} + {index + 1}"
            for agent in run.agent_runs.all():
                number = ids_after_last(AgentRun)
                copy(
                    AgentRun,
                    agent.pk,
                    count,
                    f"{where} AND {with_agents}",
                    id=number,
                    stage_run_id=stage_run,
                )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE simulations_simulation s SET latest_execution_id = e.id, executions_made = e.number "
            "FROM (SELECT DISTINCT ON (simulation_id) simulation_id, id, number "
            "FROM simulations_execution ORDER BY simulation_id, number DESC) e "
            "WHERE e.simulation_id = s.id"
        )


def _running(simulation: int, user: User) -> int:
    execution = _start(Simulation.objects.get(pk=simulation), user)
    first = execution.stage_runs.order_by("position").first()
    assert first is not None
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=first, number=n + 1, unit=n // UNIT, status=AgentStatus.RUNNING, published=1
        )
        for n in range(AGENTS)
    )
    beat(execution.pk, first.pk, 1)
    return execution.pk


def fleet(agents: int, simulation: int) -> int:
    """Create a running execution whose first stage has this many agents; return its id."""
    execution = _start(Simulation.objects.get(pk=simulation), User.objects.get(email=EMAIL))
    first = execution.stage_runs.order_by("position").first()
    assert first is not None
    AgentRun.objects.bulk_create(
        AgentRun(
            stage_run=first, number=n + 1, unit=n // UNIT, status=AgentStatus.RUNNING, published=1
        )
        for n in range(agents)
    )
    for unit in range(agents // UNIT):
        snapshots.store(execution.pk, snapshot(first.pk, unit, 1))
    return execution.pk


def beat(execution_id: int, stage_run_id: int, sequence: int) -> None:
    """Send one heartbeat of all units of a running execution."""
    for unit in range(AGENTS // UNIT):
        snapshots.store(execution_id, snapshot(stage_run_id, unit, sequence))


def snapshot(stage_run_id: int, unit: int, sequence: int) -> Snapshot:
    """The heartbeat of one unit whose agents replay."""
    agents = tuple(
        AgentReport(
            number=number + 1,
            state=AgentState.RUNNING,
            published=50 * sequence,
            published_bytes=35_000 * sequence,
            lateness_p50_us=60.0,
            lateness_p99_us=900.0,
            start_skew_us=250.0,
            skew_uncertainty_us=90.0,
        )
        for number in range(unit * UNIT, unit * UNIT + UNIT)
    )
    return Snapshot(
        stage_run=stage_run_id,
        unit=unit,
        attempt=1,
        sequence=sequence,
        sent_ns=time.time_ns(),
        agents=agents,
    )

"""Make the database of `api.py` as large as `console.py` wants it."""

import argparse
import time
from typing import Any

AGENTS = 100


def enlarge(seeded: Any, options: argparse.Namespace) -> None:
    """Copy an ended execution, its agents and a rosbag until the database is as large as wanted."""
    from django.db import connection  # noqa: PLC0415  needs the settings

    from benchmarks._api_seed import FIRST, copy, ids_after_last  # noqa: PLC0415
    from simulations.models import AgentRun, Execution, StageRun  # noqa: PLC0415
    from simulations.services.monitoring import history  # noqa: PLC0415
    from storage.models import Rosbag  # noqa: PLC0415

    count, simulations = options.executions, seeded.simulations
    ended = f"now() - ({count} - n) * interval '20 seconds'"
    source = Execution.objects.filter(pk__gt=FIRST, status="COMPLETED").earliest("pk")
    last = Execution.objects.latest("pk").pk
    copy(
        Execution,
        source.pk,
        count,
        id=f"{last} + n",
        simulation_id=f"{FIRST} + 1 + (n - 1) % {simulations}",
        number=f"1000 + (n - 1) / {simulations}",
        created_at=f"{ended} - interval '1 minute'",
        ended_at=ended,
    )
    stages = options.agent_runs // AGENTS
    stage = source.stage_runs.earliest("position")
    last_stage = StageRun.objects.latest("pk").pk
    execution = f"{last} + {count} - {stages} + n"
    copy(StageRun, stage.pk, stages, id=f"{last_stage} + n", execution_id=execution)
    agent = AgentRun.objects.earliest("pk")
    number = f"(n - 1) % {AGENTS}"
    copy(
        AgentRun,
        agent.pk,
        options.agent_runs,
        id=ids_after_last(AgentRun),
        stage_run_id=f"{last_stage} + 1 + (n - 1) / {AGENTS}",
        number=f"1 + {number}",
        ended_at=f"now() - ({options.agent_runs} - n) * interval '0.2 seconds'",
    )
    rosbag = Rosbag.objects.earliest("pk")
    at = f"now() - ({options.rosbags} - n) * interval '1 minute'"
    copy(
        Rosbag,
        rosbag.pk,
        options.rosbags,
        name="'bag ' || n",
        claimed_digest="NULL",
        created_at=at,
        size="source.size + n",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    start = time.monotonic()
    history.record()
    print(f"statistics of 15 days recorded in {time.monotonic() - start:.1f} s")
    start = time.monotonic()
    history.record()
    print(f"statistics of the current hour recorded in {1000 * (time.monotonic() - start):.0f} ms")


def addresses(seeded: Any, fleet: int) -> dict[str, str]:
    """Return the pages of rows by name; `fleet` is the execution with very many agents."""
    from benchmarks._api_seed import FIRST  # noqa: PLC0415
    from simulations.models import Execution  # noqa: PLC0415
    from storage.models import Rosbag  # noqa: PLC0415

    page = "/admin/{}/{}/change/".format
    ended = Execution.objects.filter(pk__gt=FIRST, status="COMPLETED").earliest("pk").pk
    return {
        "running execution of the fleet": page("simulations/execution", fleet),
        "its agents": f"/admin/simulations/agentrun/?execution={fleet}",
        "ended execution": page("simulations/execution", ended),
        "simulation": page("simulations/simulation", FIRST + 7),
        "rosbag": page("storage/rosbag", Rosbag.objects.earliest("pk").pk),
        "template": page("templates/template", seeded.template),
        "system under test": page("simulations/mec", seeded.mec),
    }

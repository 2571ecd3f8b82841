"""Figures of executions whose units are pods; runs in the shell of a `World`, what it returns is JSON."""

import statistics

from django.conf import settings

from simulations.models import AgentRun, Execution

MS = 1000.0


def seconds_to_ready(execution_id: int) -> float:
    """Return the seconds from the request until all agents of the first stage were ready."""
    return _seconds_to_release(execution_id) - settings.RELEASE_LEAD_SECONDS


def start_figures(execution_id: int) -> dict[str, float]:
    """Return how the agents of the first stage started and played.

    Seconds are since the start was requested. Agents start at their release plus their skew, which is that
    of their first message.
    """
    agents = AgentRun.objects.filter(stage_run__execution=execution_id, stage_run__position=1)
    skews = list(agents.values_list("start_skew_us", flat=True))
    p50, p99 = (list(agents.values_list(f"lateness_{p}_us", flat=True)) for p in ("p50", "p99"))
    return {
        "all ready s": seconds_to_ready(execution_id),
        "first message s": _seconds_to_release(execution_id) + min(skews) / 1e6,
        "skew, worst ms": max(map(abs, skews)) / MS,
        "skew, uncertainty ms": max(agents.values_list("skew_uncertainty_us", flat=True)) / MS,
        "lateness p50 ms": statistics.median(p50) / MS,
        "lateness p99 ms": max(p99) / MS,
    }


def _seconds_to_release(execution_id: int) -> float:
    execution = Execution.objects.get(pk=execution_id)
    release = execution.stage_runs.earliest("position").release_at
    if release is None:
        raise ValueError("its agents have not been released")
    return (release - execution.created_at).total_seconds()

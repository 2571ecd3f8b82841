"""Data of the grid of agents and of the histograms of their lateness and start skew."""

from typing import Any

from django.utils import timezone

from simulations.admin.executions.page_data import PageData
from simulations.admin.formatting import list_url, tone
from simulations.services.progress.agent_states import CODES, StageStates
from simulations.services.progress.histograms import histogram


def data(page: PageData) -> dict[str, Any]:
    """The agents of each stage as one character each, and histograms in µs."""
    return {
        "as_of": timezone.now().isoformat(),
        "agents_per_unit": page.plan.agents_per_unit,
        "stages": [_stage(page, stage) for stage in page.stages],
        "lateness": _histogram([us for stage in page.stages for us in stage.lateness_us]),
        "skew": _histogram([abs(us) for stage in page.stages for us in stage.skew_us]),
    }


def legend() -> dict[str, dict[str, str]]:
    """Label and tone of each code of a state."""
    return {
        code: {"label": str(status.label), "tone": tone(status), "status": status}
        for status, code in CODES.items()
    }


def list_address(page: PageData) -> str:
    """The list of all its agents."""
    return list_url("agentrun", execution=page.execution.pk)


def _stage(page: PageData, stage: StageStates) -> dict[str, Any]:
    return {
        "position": stage.position,
        "name": page.plan.stage(stage.position).name,
        "first": stage.first,
        "codes": stage.codes,
        "lateness": max(stage.lateness_us, default=None),
        "skew": max(map(abs, stage.skew_us), default=None),
    }


def _histogram(values: list[float]) -> dict[str, Any] | None:
    counted = histogram(values)
    return None if counted is None else counted._asdict()

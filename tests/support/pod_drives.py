"""Executions whose units are pods: what `drives` has, and designs of several stages; runs in a `World`."""

from typing import Any

from simulations.choices import ENDED
from simulations.models import AgentRun, Execution, Mec, StageRun
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from templates.models import Template
from templates.services import templates
from tests.support import drives
from tests.support.drives import judge, prepare, stop, storage, wait_for

__all__ = ["judge", "prepare", "stop", "storage"]
Shown = dict[str, Any]


def start(name: str, pattern: str, stages: list[Shown]) -> int:
    """Start an execution; each stage names its template."""
    specs = [
        StageSpec(**stage | {"template": Template.objects.get(name=stage["template"])})
        for stage in stages
    ]
    simulation = create_simulation(
        name=name,
        pattern=pattern,
        mec=Mec.objects.get(slug=drives.MEC),
        stages=specs,
        namespace_prefix=f"/{name}_",
    )
    return lifecycle.start(simulation).pk


def change_template(name: str, changes: Shown) -> None:
    """Change a template, such as its resources."""
    templates.update(Template.objects.get(name=name), **changes)


def place(selector: dict[str, str]) -> None:
    """Let units run only on nodes with these labels."""
    Mec.objects.filter(slug=drives.MEC).update(node_selector=selector)


def await_end(execution: int, seconds: float) -> None:
    """Wait until an execution has ended."""

    def ended() -> bool:
        return Execution.objects.get(pk=execution).status in ENDED

    if not wait_for(ended, seconds):
        raise AssertionError(f"it has not ended: {shown(execution)}")


def shown(execution: int) -> Shown:
    """Return what a user sees of an execution: status, failure, and why it waits."""
    row = Execution.objects.get(pk=execution)
    agents = AgentRun.objects.filter(stage_run__execution=execution)
    return {
        "status": row.status,
        "failure": row.failure_code,
        "text": row.failure_text,
        "waiting": list(
            StageRun.objects.filter(execution=execution).values_list("waiting", flat=True)
        ),
        "stages": list(
            StageRun.objects.filter(execution=execution)
            .order_by("position")
            .values_list("status", "failure_code")
        ),
        "agents": list(agents.values_list("number", "attempt", "status", "failure_code")),
    }

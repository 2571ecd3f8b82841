"""Executions whose units are pods: what `drives` has, and designs of several stages; runs in a `World`."""

import io
from typing import Any

from django.conf import settings
from django.core.management import call_command
from msgspec import convert

from agent.protocol import Link
from simulations.backends import backend
from simulations.backends.base import Placement
from simulations.choices import ENDED
from simulations.models import AgentRun, Event, Execution, Mec, StageRun
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from simulations.services.runs import lifecycle
from templates.models import Template
from templates.services import templates
from tests.support import drives
from tests.support.drives import await_step, judge, stop, storage, wait_for

__all__ = ["await_step", "judge", "stop", "storage"]
Shown = dict[str, Any]
DISCONNECTED = {
    "transport": "null",
    "endpoint": "",
    "discovery": "none",
    "domain_id": 0,
    "addresses": [],
    "secret": "",
}
"""A link that leads nowhere, as `prepare` makes it."""


def prepare(endpoint: str, folder: str) -> None:
    """As `drives.prepare`, with a template `plain` that plays what `light` does and records nothing."""
    drives.prepare(endpoint, folder)
    add_template("plain", {})


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
        namespace_prefix=f"/{name.replace('-', '_')}_",
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


def take_image(name: str) -> None:
    """Let executions that start from now on use this image."""
    settings.AGENT_IMAGE = name


def take_agents_per_unit(count: int) -> None:
    """Let this many agents of executions that start from now on share a unit."""
    settings.AGENTS_PER_UNIT = count


def resources(execution: int) -> list[Shown]:
    """Return what units said that they used."""
    agents = AgentRun.objects.filter(stage_run__execution=execution)
    return list(agents.values("unit_cpu_seconds", "unit_memory_peak_bytes"))


def seconds_to_last_publication(execution: int) -> list[float]:
    """Return how long after the stop each agent still published."""
    stopped = Event.objects.get(execution=execution, payload__status="STOPPING").time
    agents = AgentRun.objects.filter(stage_run__execution=execution)
    return [(agent.last_publication_at - stopped).total_seconds() for agent in agents]


def test_link(link: Shown) -> Shown:
    """Test a link from where units run, as a controller does."""
    found = backend(settings.BACKEND).probe(convert(link, Link), Placement(), 60)
    return {"code": str(found.code)}


def take_backend(name: str) -> None:
    """Plan executions that start from now on for this backend."""
    settings.BACKEND = name


def add_template(name: str, values: Shown) -> None:
    """Create a template that plays what `light` does."""
    templates.create(name=name, rosbag=Template.objects.get(name="light").rosbag_id, **values)


def connect(link: Shown) -> None:
    """Let executions that start from now on reach their system under test in this way."""
    mecs.update(Mec.objects.get(slug=drives.MEC), **DISCONNECTED | link)


def is_stored(text: str) -> bool:
    """Check whether a text is anywhere in the database."""
    content = io.StringIO()
    call_command("dumpdata", all=True, stdout=content)
    return text in content.getvalue()

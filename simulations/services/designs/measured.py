"""What agents of a template have used, as requests that a template can set."""

from math import ceil

from simulations.services.designs.earlier_use import Likeness, Use, earlier_use
from simulations.services.unit_resources import BASE_CPU, MIB, base_memory
from templates.models import Template
from templates.services.measured import Measured

MARGIN = 1.25
"""Another run needs somewhat more than the last one."""


def measured(template: Template) -> Measured | None:
    """Find what an agent of a template has used beside the program itself, in the newest execution."""
    like = Likeness(template.pk, template.rosbag.content_digest, template.rate)
    use = earlier_use({like}).get(like)
    return _measured(use, template.rosbag.size) if use else None


def _measured(use: Use, rosbag_bytes: int) -> Measured:
    cores = max(use.cores - use.units * BASE_CPU / 1000, 0.0) / use.agents
    base = base_memory(use.transport, rosbag_bytes) * MIB
    memory = max(use.memory_bytes - use.units * base, 0.0) / use.agents
    return Measured(
        execution=use.execution.pk,
        name=f"{use.execution.simulation.name} #{use.execution.number}",
        transport=use.transport,
        cores=cores,
        memory_bytes=memory,
        agent_cpu=max(ceil(1000 * cores * MARGIN), 1),
        agent_memory=max(ceil(memory * MARGIN / MIB), 1),
    )

"""The template, the MEC and the simulation of a demo, created once and reused."""

from collections.abc import Callable
from itertools import count as count_up
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext as _

from launcher.options import DemoOptions
from simulations.models import Mec, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from storage.models import Rosbag
from templates.choices import UnsupportedTopics
from templates.models import Template
from templates.services import templates
from templates.services.recording import recordable_topics

T = TypeVar("T", bound=Model)


def demo_simulation(rosbag: Rosbag, options: DemoOptions, endpoint: str) -> Simulation:
    """Return a simulation that runs a bundle: one pass per agent, all topics recorded.

    Invalid values are refused by the services that create template, MEC and simulation.
    """
    template = _template(rosbag, options.rate)
    mec = _mec(options.transport, endpoint)
    stages = [
        StageSpec(template=template, agent_count=count)
        for count in agents_per_stage(options.agents)
    ]
    values = {
        "bag": template.name,
        "agents": options.agents,
        "pattern": options.pattern,
        "transport": options.transport,
    }
    simulations = Simulation.objects.living()
    return _get_or_create(
        _("Demo: %(bag)s, %(agents)d agents, %(pattern)s, %(transport)s") % values,
        lambda name: simulations.filter(name=name).first(),
        lambda simulation: _design_of(simulation) == _design(options.pattern, mec, stages),
        lambda name: create_simulation(name=name, pattern=options.pattern, mec=mec, stages=stages),
    )


def agents_per_stage(agents: int) -> list[int]:
    """Divide the agents between two stages, or one for a single agent."""
    return [agents] if agents == 1 else [agents - agents // 2, agents // 2]


def _template(rosbag: Rosbag, rate: float) -> Template:
    values: dict[str, Any] = {
        "rosbag": rosbag,
        "topics": [],
        "rate": rate,
        "record_topics": recordable_topics(rosbag),
        "record_own": True,
        "unsupported_topics": UnsupportedTopics.LEAVE_OUT,
    }
    speed = _("unpaced") if rate == 0 else _("rate %(rate)g") % {"rate": rate}
    return _get_or_create(
        f"{rosbag.name}, {speed}",
        lambda name: Template.objects.living().filter(name=name).first(),
        lambda template: all(getattr(template, key) == value for key, value in values.items()),
        lambda name: templates.create(name=name, **values),
    )


def _mec(transport: str, endpoint: str) -> Mec:
    names = {
        "null": _("No network: agents only count"),
        "ros2": _("ROS 2 on this machine"),
        "zenoh": _("ROS 2 by the Zenoh router of the demo"),
        "zenoh-raw": _("Zenoh router of the demo"),
    }
    values: dict[str, Any] = {"name": names[transport], "transport": transport}
    if transport == "ros2":
        values |= {"discovery": "peers", "addresses": ["127.0.0.1"]}
    return mecs.ensure(f"demo-{transport}", endpoint=endpoint, **values)


def _get_or_create(
    name: str,
    find: Callable[[str], T | None],
    is_same: Callable[[T], bool],
    create: Callable[[str], T],
) -> T:
    """Return the object of this name if it is the same, else create one, with a number after a used name."""
    for number in count_up(1):
        candidate = name if number == 1 else f"{name} ({number})"
        existing = find(candidate)
        if existing is None:
            return create(candidate)
        if is_same(existing):
            return existing
    raise AssertionError("unreachable: the loop is endless")


Design = tuple[str, int, list[tuple[Any, ...]]]


def _design(pattern: str, mec: Mec, stages: list[StageSpec]) -> Design:
    return (
        pattern,
        mec.pk,
        [
            (
                stage.template_id,
                stage.agent_count,
                stage.execution_time,
                stage.repeat_count,
                stage.delay_after,
            )
            for stage in stages
        ],
    )


def _design_of(simulation: Simulation) -> Design:
    fields = ("template_id", "agent_count", "execution_time", "repeat_count", "delay_after")
    stages = simulation.stages.order_by("position").values_list(*fields)
    return simulation.pattern, simulation.mec_id, list(stages)

"""The template, the system under test and the simulation of a demo, made once and used again."""

from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext as _

from launcher.options import DemoOptions
from simulations.models import Mec, Simulation
from simulations.services.designs import mecs
from simulations.services.designs.simulations import StageSpec, create_simulation
from storage.models import Rosbag
from templates.models import Template
from templates.services import templates

Made = TypeVar("Made", bound=Model)


def demo_simulation(rosbag: Rosbag, options: DemoOptions, endpoint: str) -> Simulation:
    """The simulation that runs a bundle as the options say: one pass per agent, everything recorded.

    A value that cannot be used is refused by the services that make the parts, with a sentence.
    """
    template = _template(rosbag, options.rate)
    mec = _mec(options.transport, endpoint)
    stages = [StageSpec(template=template, agent_count=each) for each in shares(options.agents)]
    words = {
        "bag": template.name,
        "agents": options.agents,
        "pattern": options.pattern,
        "transport": options.transport,
    }
    found = Simulation.objects.living()
    return _reused(
        _("Demo: %(bag)s, %(agents)d agents, %(pattern)s, %(transport)s") % words,
        lambda name: found.filter(name=name).first(),
        lambda simulation: _design_of(simulation) == _design(options.pattern, mec, stages),
        lambda name: create_simulation(name=name, pattern=options.pattern, mec=mec, stages=stages),
    )


def shares(agents: int) -> list[int]:
    """The agents of each stage: two stages, one when there is a single agent."""
    return [agents] if agents == 1 else [agents - agents // 2, agents // 2]


def _template(rosbag: Rosbag, rate: float) -> Template:
    recorded = [{"name": t.name, "type": t.type} for t in rosbag.topics.order_by("name")]
    values: dict[str, Any] = {
        "rosbag": rosbag,
        "topics": [],
        "rate": rate,
        "record_topics": recorded,
        "record_own": True,
    }
    speed = _("unpaced") if rate == 0 else _("rate %(rate)g") % {"rate": rate}
    return _reused(
        f"{rosbag.name}, {speed}",
        lambda name: Template.objects.living().filter(name=name).first(),
        lambda template: all(getattr(template, key) == value for key, value in values.items()),
        lambda name: templates.create(name=name, **values),
    )


def _mec(transport: str, endpoint: str) -> Mec:
    names = {"null": _("No network: agents only count"), "zenoh-raw": _("Zenoh router of the demo")}
    return mecs.ensure(
        f"demo-{transport}", name=names[transport], transport=transport, endpoint=endpoint
    )


def _reused(
    name: str,
    find: Callable[[str], Made | None],
    same: Callable[[Made], bool],
    make: Callable[[str], Made],
) -> Made:
    """What bears the name and is the same; else it is made, under the name or with the next free number."""
    for number in count(1):
        candidate = name if number == 1 else f"{name} ({number})"
        present = find(candidate)
        if present is None:
            return make(candidate)
        if same(present):
            return present
    raise AssertionError("counting has no end")


Design = tuple[str, int, list[tuple[Any, ...]]]


def _design(pattern: str, mec: Mec, stages: list[StageSpec]) -> Design:
    return (
        pattern,
        mec.pk,
        [
            (
                each.template_id,
                each.agent_count,
                each.execution_time,
                each.repeat_count,
                each.delay_after,
            )
            for each in stages
        ],
    )


def _design_of(simulation: Simulation) -> Design:
    fields = ("template_id", "agent_count", "execution_time", "repeat_count", "delay_after")
    stages = simulation.stages.order_by("position").values_list(*fields)
    return simulation.pattern, simulation.mec_id, list(stages)

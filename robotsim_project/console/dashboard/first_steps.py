"""The three steps to a first run, while nothing has run yet."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from simulations.models import Execution, Simulation
from storage.models import Rosbag
from templates.models import Template


@dataclass(frozen=True)
class Step:
    """One step; `url` is empty for who may not take it."""

    title: str
    text: str
    button: str
    url: str
    is_done: bool


def steps(user: Any) -> list[Step] | None:
    """Return the steps; None where something has run, however long ago."""
    if Execution.objects.exists():
        return None
    return [
        Step(
            _("Upload a rosbag"),
            _("A recording of a real robot: its folder, an archive, or a single data file."),
            _("Upload"),
            _url(user, "storage.add_rosbag", "storage_rosbag_add"),
            Rosbag.objects.usable().exists(),
        ),
        Step(
            _("Make a template"),
            _("It says which topics of the rosbag an agent plays, and which it records."),
            _("New template"),
            _url(user, "templates.add_template", "templates_template_add"),
            Template.objects.living().exists(),
        ),
        Step(
            _("Design a simulation and start it"),
            _("How many agents play the template, for how long, and at which system under test."),
            _("New simulation"),
            _url(user, "simulations.add_simulation", "simulations_simulation_add"),
            Simulation.objects.living().exists(),
        ),
    ]


def _url(user: Any, permission: str, view: str) -> str:
    return reverse(f"admin:{view}") if user.has_perm(permission) else ""

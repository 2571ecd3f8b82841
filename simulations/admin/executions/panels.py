"""The panels of the page of an execution: HTML fragments and data, each by a name."""

from collections.abc import Callable, Iterable
from typing import Any

from django.template.loader import render_to_string

from simulations.admin.executions import (
    agents,
    events,
    failures,
    header,
    logs,
    plan,
    recordings,
    stages,
    subscribers,
    summary,
    timeline,
)
from simulations.admin.executions.page_data import PageData

FOLDER = "simulations/console/execution"


PANELS: dict[str, Callable[[PageData], dict[str, Any]]] = {
    "status": header.status,
    "about": header.about,
    "actions": header.actions,
    "summary": summary.context,
    "failures": failures.context,
    "stages": stages.context,
    "subscribers": subscribers.context,
    "recordings": recordings.context,
    "events": events.context,
    "plan": plan.context,
}
"""Contexts of the fragments; the template of each is `<name>.html` in `FOLDER`."""
REFRESHED = [name for name in PANELS if name != "plan"]
"""Fragments that change; the plan does not, and is fetched when it is opened."""
DATA: dict[str, Callable[[PageData], Any]] = {
    "progress": summary.progress,
    "agents": agents.data,
    "timeline": timeline.data,
    "log": logs.data,
}
"""Values that the scripts of the page draw."""


def render(data: PageData, names: Iterable[str]) -> dict[str, str]:
    """Render these fragments, by name."""
    return {name: render_to_string(f"{FOLDER}/{name}.html", PANELS[name](data)) for name in names}


def values(data: PageData, names: Iterable[str]) -> dict[str, Any]:
    """The data of these names."""
    return {name: DATA[name](data) for name in names}

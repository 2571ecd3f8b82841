"""Rows that active executions use: the mec, templates and rosbags that their frozen plans name."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from simulations.choices import RecordingStatus
from simulations.models import Execution, Mec, Recording
from storage.models import Rosbag
from templates.models import Template

MAX_NAMES = 5
Uses = Callable[[dict[str, Any]], bool]


def use_of_mec(mec: Mec) -> str:
    """Why a mec cannot be deleted now; empty if no active execution uses it."""
    return _reason(mec.name, lambda plan: plan["mec"] == mec.pk)


def use_of_template(template: Template) -> str:
    """Why a template cannot be deleted now; empty if no active execution uses it."""
    return _reason(template.name, lambda plan: _names(plan, "template", template.pk))


def use_of_rosbag(rosbag: Rosbag) -> str:
    """Why a rosbag cannot be deleted now; empty if no active execution plays it."""
    return _reason(rosbag.name, lambda plan: _names(plan, "rosbag", rosbag.pk))


def use_of_recording(rosbag: Rosbag) -> str:
    """Why a rosbag cannot be deleted now; empty if it is not being recorded."""
    rows = Recording.objects.filter(rosbag=rosbag, status=RecordingStatus.UPLOADING)
    row = rows.select_related("stage_run__execution__simulation").first()
    if row is None:
        return ""
    execution = row.stage_run.execution
    values = {"name": rosbag.name, "simulation": execution.simulation.name}
    message = _(
        "%(name)s is being recorded by %(simulation)s #%(number)d. Wait for its end, or stop it."
    )
    return message % (values | {"number": execution.number})


def executions_with_template(template: Template) -> list[Execution]:
    """The executions that have not ended and whose frozen plan names a template."""
    return _active(lambda plan: _names(plan, "template", template.pk))


def _names(plan: dict[str, Any], key: str, pk: int) -> bool:
    return any(stage[key] == pk for stage in plan["stages"])


def _reason(name: str, uses: Uses) -> str:
    executions = [f"{row.simulation.name} #{row.number}" for row in _active(uses)]
    if not executions:
        return ""
    more = ", …" if len(executions) > MAX_NAMES else ""
    message = _(
        "%(name)s is in use by executions that have not ended: %(executions)s. Wait for their end, or "
        "stop them."
    )
    return message % {"name": name, "executions": ", ".join(executions[:MAX_NAMES]) + more}


def _active(uses: Uses) -> list[Execution]:
    # Few are active at a time; not every database can search in their plans.
    rows = Execution.objects.active().select_related("simulation").defer("outcome")
    return [row for row in rows.order_by("pk").iterator() if uses(row.plan)]

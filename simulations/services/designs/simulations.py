"""Changes to simulations and their stages; nothing else writes them."""

import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from common.bounds import Bounds
from common.db.names import free_name
from common.db.violations import refusing_duplicates
from common.exceptions import FieldError
from simulations.choices import Pattern
from simulations.exceptions import (
    NameTakenError,
    SimulationChangedError,
    SimulationError,
    SimulationNotFoundError,
)
from simulations.models import Mec, Simulation, Stage
from templates.models import Template

MAX_STAGES = 100
MAX_NAME = 200
MAX_PREFIX = 100
MAX_LOST_MESSAGES = 2**31 - 1
MAX_SECONDS = 366 * 86400.0
BOUNDS = {
    "execution_time": Bounds(0.001, MAX_SECONDS, or_zero=True),
    "delay_after": Bounds(0, MAX_SECONDS),
    "repeat_count": Bounds(1, 1_000_000),
    "retries": Bounds(0, 100),
    "min_success": Bounds(0, 100),
    "lost_messages_allowed": Bounds(0, MAX_LOST_MESSAGES),
}
"""Of the numbers of a stage, except its agents: seconds, counts, percent."""
PREFIX = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)*/[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class StageSpec:
    """Values of a stage; `template` is a Template or its id, times are seconds."""

    template: Template | int
    agent_count: int
    execution_time: float = 0.0
    repeat_count: int = 1
    delay_after: float = 0.0
    name: str = ""
    assigned_area: str = ""
    retries: int = 0
    min_success: int = 100
    lost_messages_allowed: int = 0
    continue_on_failure: bool = False
    no_messages_allowed: bool = False

    @property
    def template_id(self) -> int:
        """Id of the template."""
        return self.template.pk if isinstance(self.template, Template) else self.template


def create_simulation(
    *, name: str, pattern: str, mec: Mec, stages: Sequence[StageSpec], **more: Any
) -> Simulation:
    """Create a simulation with its stages; `more` are further fields of Simulation.

    Raises:
        SimulationError: Some values are invalid; `errors` points at each.
    """
    _raise_if_any(field_errors(name, pattern, more.get("namespace_prefix", "/agent_"), stages))
    with _refusing_taken_names():
        simulation = Simulation.objects.create(name=name, pattern=pattern, mec=mec, **more)
        _write_stages(simulation, stages)
    return simulation


def update_simulation(
    simulation: Simulation,
    *,
    stages: Sequence[StageSpec] | None = None,
    unchanged_since: datetime | None = None,
    **changes: Any,
) -> Simulation:
    """Change fields of a simulation, and replace its stages if given; executions keep their plan.

    Args:
        simulation: The simulation.
        stages: All its stages.
        unchanged_since: Its `updated_at` when the user read it, if a later change must not be overwritten.
        changes: Fields with their new values.

    Raises:
        SimulationError: Some values are invalid; `errors` points at each.
        SimulationNotFoundError: It was deleted.
        SimulationChangedError: It was changed meanwhile.
    """
    value = {
        **{n: getattr(simulation, n) for n in ("name", "pattern", "namespace_prefix")},
        **changes,
    }
    _raise_if_any(
        field_errors(value["name"], value["pattern"], value["namespace_prefix"], stages or [])
    )
    living = Simulation.objects.living().filter(pk=simulation.pk)
    with _refusing_taken_names():
        read = living if unchanged_since is None else living.filter(updated_at=unchanged_since)
        if not read.update(**changes, updated_at=timezone.now()):
            if living.exists():
                raise SimulationChangedError
            raise SimulationNotFoundError(_("This simulation was deleted: restore it first."))
        audited = {name: (getattr(simulation, name), new) for name, new in changes.items()}
        if stages is not None:
            current = simulation.stages.order_by("position")
            audited["stages"] = (_to_dicts(current), _to_dicts(stages))
            simulation.stages.all().delete()
            _write_stages(simulation, stages)
        audit.record_change(simulation, **audited)
    simulation.refresh_from_db()
    return simulation


def clone(simulation: Simulation, *, name: str = "", created_by: Any = None) -> Simulation:
    """Copy a simulation, with `name` or the first free name derived from the original's.

    Raises:
        SimulationError: Some values are invalid (a template was deleted, the name is taken).
    """
    copied = {n: getattr(simulation, n) for n in CLONED}
    stages = specs_of(simulation)
    tries = 1 if name else NAME_TRIES
    while True:
        tries -= 1
        try:
            return create_simulation(
                name=name or free_name(simulation.name, Simulation.objects.living(), first=2),
                mec=simulation.mec,
                stages=stages,
                created_by=created_by,
                **copied,
            )
        except NameTakenError:
            if not tries:  # otherwise another clone has just taken the free name
                raise


NAME_TRIES = 10
CLONED = (
    "description",
    "pattern",
    "namespace_prefix",
    "concurrent_executions",
)


def reorder(simulation: Simulation, order: Sequence[int]) -> Simulation:
    """Reorder the stages; `order` lists their current positions.

    Raises:
        SimulationError: `order` does not contain each position once.
    """
    with transaction.atomic():
        # Locked before the stages are read, as a simultaneous change would be lost otherwise.
        locked = Simulation.objects.select_for_update().filter(pk=simulation.pk)
        list(locked.values_list("pk"))
        rows = {stage.position: stage for stage in simulation.stages.select_related("template")}
        if sorted(order) != sorted(rows):
            message = _("Give each of the positions 1 to %(last)d exactly once.") % {
                "last": len(rows)
            }
            raise SimulationError(errors=[FieldError("/order", message)])
        return update_simulation(simulation, stages=[_spec(rows[position]) for position in order])


def specs_of(simulation: Simulation) -> list[StageSpec]:
    """The stages of a simulation in their order."""
    rows = simulation.stages.order_by("position").select_related("template")
    return [_spec(stage) for stage in rows]


def _spec(stage: Stage) -> StageSpec:
    names = [field.name for field in fields(StageSpec)]
    return StageSpec(**{name: getattr(stage, name) for name in names})


def _to_dicts(stages: Iterable[Stage | StageSpec]) -> list[dict[str, Any]]:
    """Stages as the audit log lists them."""
    names = ["template_id"]
    names += [field.name for field in fields(StageSpec) if field.name != "template"]
    return [{name: getattr(stage, name) for name in names} for stage in stages]


def field_errors(
    name: str, pattern: str, prefix: str, stages: Sequence[StageSpec]
) -> list[FieldError]:
    """All errors of a design, each with a pointer to its field."""
    errors: list[FieldError] = []
    if not name.strip() or len(name) > MAX_NAME or "\0" in name:
        errors.append(FieldError("/name", _("Give a name of 1 to 200 characters.")))
    if pattern not in Pattern.values:
        errors.append(FieldError("/pattern", _("The pattern is sequential or parallel.")))
    if not PREFIX.fullmatch(prefix) or len(prefix) > MAX_PREFIX:
        errors.append(FieldError("/namespace_prefix", _("Give a ROS 2 namespace such as /agent_.")))
    if len(stages) > MAX_STAGES:
        errors.append(FieldError("/stages", _("A simulation has at most 100 stages.")))
        return errors
    living = Template.objects.living().filter(pk__in={stage.template_id for stage in stages})
    templates = set(living.values_list("pk", flat=True)) if stages else set()
    for index, stage in enumerate(stages):
        errors += _stage_errors(f"/stages/{index}", stage)
        if stage.template_id not in templates:
            errors.append(_no_template(f"/stages/{index}/template", stage.template_id))
    total = sum(stage.agent_count for stage in stages)
    if total > settings.MAX_AGENTS:
        values = {"total": total, "most": settings.MAX_AGENTS}
        message = _("%(total)d agents are more than the limit of %(most)d: ask for fewer.") % values
        errors.append(FieldError("/stages", message))
    return errors


def name_errors(name: str, simulation: Simulation | None = None) -> list[FieldError]:
    """The error if another simulation has this name."""
    others = Simulation.objects.living().filter(name=name)
    if simulation is not None:
        others = others.exclude(pk=simulation.pk)
    return list(_name_taken().errors) if others.exists() else []


def _raise_if_any(errors: list[FieldError]) -> None:
    if errors:
        raise SimulationError(errors=errors)


def stage_bounds() -> dict[str, Bounds]:
    """The bounds of all numbers of a stage."""
    return {"agent_count": Bounds(1, settings.MAX_AGENTS), **BOUNDS}


def _stage_errors(pointer: str, stage: StageSpec) -> list[FieldError]:
    return [
        FieldError(f"{pointer}/{name}", bounds.message)
        for name, bounds in stage_bounds().items()
        if not bounds.accept(getattr(stage, name))
    ]


def _no_template(pointer: str, template: int) -> FieldError:
    message = _("There is no template %(id)s, or it was deleted: choose another.")
    return FieldError(pointer, message % {"id": template})


def _write_stages(simulation: Simulation, stages: Sequence[StageSpec]) -> None:
    rows = []
    for position, spec in enumerate(stages, 1):
        values = {name: value for name, value in vars(spec).items() if name != "template"}
        rows.append(
            Stage(simulation=simulation, position=position, template_id=spec.template_id, **values)
        )
    Stage.objects.bulk_create(rows)


def _refusing_taken_names() -> AbstractContextManager[None]:
    return refusing_duplicates(Simulation, "simulations_simulation_name_living", _name_taken)


def _name_taken() -> NameTakenError:
    message = _("Another simulation has this name: choose another.")
    return NameTakenError(errors=[FieldError("/name", message)])

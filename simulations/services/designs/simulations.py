"""The one door for changes to simulations and their stages."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.services import audit
from common.exceptions import FieldError
from simulations.choices import Pattern
from simulations.exceptions import NameTakenError, SimulationError, SimulationNotFoundError
from simulations.models import Mec, Simulation, Stage
from templates.models import Template

MOST_STAGES = 100
LONGEST_NAME = 200
LONGEST_PREFIX = 100
MOST_RETRIES = 100
ALL = 100
"""Percent."""
LONGEST_TIME = 366 * 86400.0
MOST_REPEATS = 1_000_000
PREFIX = re.compile(r"(/[A-Za-z_][A-Za-z0-9_]*)*/[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class StageSpec:
    """What a stage is to be; `template` is a Template or its id, times are seconds."""

    template: Template | int
    agent_count: int
    execution_time: float = 0.0
    repeat_count: int = 1
    delay_after: float = 0.0
    name: str = ""
    assigned_area: str = ""
    retries: int = 0
    min_success: int = 100
    continue_on_failure: bool = False

    @property
    def template_id(self) -> int:
        """Id of the template."""
        return self.template.pk if isinstance(self.template, Template) else self.template


def create_simulation(
    *, name: str, pattern: str, mec: Mec, stages: Sequence[StageSpec], **more: Any
) -> Simulation:
    """Make a simulation with its stages; `more` are further fields of Simulation.

    Raises:
        SimulationError: values that cannot be used; `errors` points at each.
    """
    _require(field_errors(name, pattern, more.get("namespace_prefix", "/agent_"), stages))
    try:
        with transaction.atomic():
            simulation = Simulation.objects.create(name=name, pattern=pattern, mec=mec, **more)
            _write_stages(simulation, stages)
    except IntegrityError as error:
        raise _name_taken() from error
    return simulation


def update_simulation(
    simulation: Simulation, *, stages: Sequence[StageSpec] | None = None, **changes: Any
) -> Simulation:
    """Change fields of a simulation, and replace its stages where given. Runs keep their frozen plan.

    Raises:
        SimulationError: values that cannot be used; `errors` points at each.
        SimulationNotFoundError: it was deleted.
    """
    value = {
        **{n: getattr(simulation, n) for n in ("name", "pattern", "namespace_prefix")},
        **changes,
    }
    _require(field_errors(value["name"], value["pattern"], value["namespace_prefix"], stages or []))
    living = Simulation.objects.living().filter(pk=simulation.pk)
    try:
        with transaction.atomic():
            if not living.update(**changes, updated_at=timezone.now()):
                raise SimulationNotFoundError(_("This simulation was deleted: restore it first."))
            told = {name: (getattr(simulation, name), new) for name, new in changes.items()}
            if stages is not None:
                told["stages"] = (_told(simulation.stages.order_by("position")), _told(stages))
                simulation.stages.all().delete()
                _write_stages(simulation, stages)
            audit.record_change(simulation, **told)
    except IntegrityError as error:
        raise _name_taken() from error
    simulation.refresh_from_db()
    return simulation


def clone(simulation: Simulation, *, name: str = "", created_by: Any = None) -> Simulation:
    """Make a simulation like another, under `name` or the first free name made from the other's.

    Raises:
        SimulationError: values that cannot be used (a template was deleted, the name is taken).
    """
    copied = {n: getattr(simulation, n) for n in CLONED}
    rows = simulation.stages.order_by("position").select_related("template")
    stages = [_spec(stage) for stage in rows]
    tries = 1 if name else NAME_TRIES
    while True:
        tries -= 1
        try:
            return create_simulation(
                name=name or _free_name(simulation.name),
                mec=simulation.mec,
                stages=stages,
                created_by=created_by,
                **copied,
            )
        except NameTakenError:
            if not tries:  # else another clone has just taken the free name
                raise


NAME_TRIES = 10
CLONED = (
    "description",
    "pattern",
    "namespace_prefix",
    "concurrent_executions",
)


def reorder(simulation: Simulation, order: Sequence[int]) -> Simulation:
    """Put the stages in another order, named by the positions that they have now.

    Raises:
        SimulationError: `order` does not name each position once.
    """
    with transaction.atomic():
        # Held from the reading on, or a change that comes meanwhile would be undone.
        held = Simulation.objects.select_for_update().filter(pk=simulation.pk)
        list(held.values_list("pk"))
        rows = {stage.position: stage for stage in simulation.stages.select_related("template")}
        if sorted(order) != sorted(rows):
            sentence = _("Name each of the positions 1 to %(last)d once.") % {"last": len(rows)}
            raise SimulationError(errors=[FieldError("/order", sentence)])
        return update_simulation(simulation, stages=[_spec(rows[position]) for position in order])


def _spec(stage: Stage) -> StageSpec:
    names = [each.name for each in fields(StageSpec)]
    return StageSpec(**{name: getattr(stage, name) for name in names})


def _told(stages: Iterable[Stage | StageSpec]) -> list[dict[str, Any]]:
    """Stages as the audit tells them."""
    names = ["template_id", *(each.name for each in fields(StageSpec) if each.name != "template")]
    return [{name: getattr(stage, name) for name in names} for stage in stages]


def _free_name(name: str) -> str:
    """The first of "name (2)", "name (3)" … that no living simulation has."""
    kept = name[: LONGEST_NAME - 8]
    taken = set(
        Simulation.objects.living().filter(name__startswith=kept).values_list("name", flat=True)
    )
    return next(made for n in count(2) if (made := f"{kept} ({n})") not in taken)


def field_errors(
    name: str, pattern: str, prefix: str, stages: Sequence[StageSpec]
) -> list[FieldError]:
    """All that is wrong with a design, each with a pointer to its field."""
    found: list[FieldError] = []
    if not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
        found.append(FieldError("/name", _("Give a name of 1 to 200 characters.")))
    if pattern not in Pattern.values:
        found.append(FieldError("/pattern", _("The pattern is sequential or parallel.")))
    if not PREFIX.fullmatch(prefix) or len(prefix) > LONGEST_PREFIX:
        found.append(FieldError("/namespace_prefix", _("Give a ROS 2 namespace such as /agent_.")))
    if len(stages) > MOST_STAGES:
        found.append(FieldError("/stages", _("A simulation has at most 100 stages.")))
        return found
    living = Template.objects.living().filter(pk__in={stage.template_id for stage in stages})
    templates = set(living.values_list("pk", flat=True)) if stages else set()
    for index, stage in enumerate(stages):
        found += _stage_errors(f"/stages/{index}", stage)
        if stage.template_id not in templates:
            found.append(_no_template(f"/stages/{index}/template", stage.template_id))
    total = sum(stage.agent_count for stage in stages)
    if total > settings.MAX_AGENTS:
        words = {"total": total, "most": settings.MAX_AGENTS}
        sentence = _("%(total)d agents are more than the limit of %(most)d: ask for fewer.") % words
        found.append(FieldError("/stages", sentence))
    return found


def name_errors(name: str, simulation: Simulation | None = None) -> list[FieldError]:
    """The error of a name that another living simulation has."""
    others = Simulation.objects.living().filter(name=name)
    if simulation is not None:
        others = others.exclude(pk=simulation.pk)
    return list(_name_taken().errors) if others.exists() else []


def _require(errors: list[FieldError]) -> None:
    if errors:
        raise SimulationError(errors=errors)


def _stage_errors(place: str, stage: StageSpec) -> list[FieldError]:
    found: list[FieldError] = []
    if not 1 <= stage.agent_count <= settings.MAX_AGENTS:
        words = {"most": settings.MAX_AGENTS}
        found.append(FieldError(f"{place}/agent_count", _("Ask for 1 to %(most)d agents.") % words))
    for field in ("execution_time", "delay_after"):
        seconds = getattr(stage, field)
        if not (math.isfinite(seconds) and 0 <= seconds <= LONGEST_TIME):
            found.append(FieldError(f"{place}/{field}", _("Give seconds from 0 to a year.")))
    if not 1 <= stage.repeat_count <= MOST_REPEATS:
        found.append(FieldError(f"{place}/repeat_count", _("Repeat 1 to 1,000,000 times.")))
    if not (0 <= stage.retries <= MOST_RETRIES and 0 <= stage.min_success <= ALL):
        found.append(FieldError(place, _("Retries and minimum success are from 0 to 100.")))
    return found


def _no_template(place: str, template: int) -> FieldError:
    words = {"id": template}
    sentence = _("There is no template %(id)s, or it was deleted: choose another.") % words
    return FieldError(place, sentence)


def _write_stages(simulation: Simulation, stages: Sequence[StageSpec]) -> None:
    rows = []
    for position, spec in enumerate(stages, 1):
        values = {name: value for name, value in vars(spec).items() if name != "template"}
        rows.append(
            Stage(simulation=simulation, position=position, template_id=spec.template_id, **values)
        )
    Stage.objects.bulk_create(rows)


def _name_taken() -> NameTakenError:
    sentence = _("Another simulation has this name: choose another.")
    return NameTakenError(errors=[FieldError("/name", sentence)])

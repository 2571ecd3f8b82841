"""Quick run: from a rosbag to running agents in one step, with a template and a simulation made for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from common.bounds import Bounds
from common.db.names import MAX_LENGTH, ROOM_FOR_NUMBER, free_name
from common.exceptions import FieldError
from simulations.choices import ACTIVE, Pattern, Transport
from simulations.exceptions import (
    AlreadyRunningError,
    NameTakenError,
    NotStartableError,
    SimulationError,
)
from simulations.models import Execution, Mec, Simulation, Stage
from simulations.services.designs import mecs, simulations
from simulations.services.designs.simulations import StageSpec
from simulations.services.runs import lifecycle
from simulations.services.start_checks import start_errors
from storage.models import Rosbag
from templates.choices import UnsupportedTopics
from templates.exceptions import TemplateError
from templates.models import Template
from templates.services import templates
from templates.services.recording import recordable_topics
from templates.services.validation.values import field_errors as template_errors

DRY_RUN = "dry-run"
AGENTS = 20
"""Agents that pages propose."""
NAME_TRIES = 10
POINTERS = {
    "/stages/0/agent_count": "/agents",
    "/stages/0/repeat_count": "/passes",
    "/stages/0/template": "/rosbag",
    "/stages": "/agents",
    "/record_topics": "/record",
}
"""Fields of a quick run, by those of the template and the simulation that it makes."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class QuickRun:
    """Values of a quick run: this many agents play all topics of a rosbag, from the start and at once.

    Without a mec the one of `default_mec` is meant. `record` records the topics that agents play.
    """

    rosbag: Rosbag | None
    agents: int = 1
    mec: Mec | None = None
    rate: float = 1.0
    passes: int = 1
    record: bool = True


@transaction.atomic
def start(run: QuickRun, *, requested_by: Any = None) -> Execution:
    """Start a quick run; an identical template or idle simulation is used again.

    Raises:
        NotStartableError: It cannot run, and nothing was made; `errors` names each reason.
    """
    run = replace(run, mec=run.mec or default_mec())
    if errors := field_errors(run):
        raise NotStartableError(errors=errors)
    with _pointing_at_own_fields():
        run = replace(run, mec=run.mec or _dry_run())
        template = _same_template(run) or _make_template(run, requested_by)
        if simulation := _same_simulation(run, template):
            with suppress(AlreadyRunningError):  # just now, by somebody else
                return lifecycle.start(simulation, requested_by=requested_by)
        simulation = _make_simulation(run, template, requested_by)
        return lifecycle.start(simulation, requested_by=requested_by)


def default_mec() -> Mec | None:
    """The mec of the latest execution, else the newest; only enabled ones."""
    used = Execution.objects.filter(simulation__mec__enabled=True).order_by("-pk")
    latest = used.select_related("simulation__mec").only("simulation__mec").first()
    if latest is not None:
        return latest.simulation.mec
    return Mec.objects.filter(enabled=True).order_by("-pk").first()


def field_errors(run: QuickRun) -> list[FieldError]:
    """The reasons why a quick run would be refused if it were started now."""
    errors = [
        FieldError(f"/{name}", bounds.message)
        for name, bounds in bounds_of_counts().items()
        if not bounds.accept(getattr(run, name))
    ]
    if run.mec is None and Mec.objects.exists():
        message = _("No system under test is enabled: ask an admin to enable one.")
        errors.append(FieldError("/mec", message, "NO_MEC"))
    errors += template_errors(_template_values(run))
    if not errors and run.rosbag is not None:
        errors = start_errors(*draft(run, run.rosbag))
    return [_at_own_field(error) for error in errors]


def bounds_of_counts() -> dict[str, Bounds]:
    """The bounds of the numbers of agents and passes."""
    stage = simulations.stage_bounds()
    return {"agents": stage["agent_count"], "passes": stage["repeat_count"]}


def draft(run: QuickRun, rosbag: Rosbag) -> tuple[Simulation, list[Stage]]:
    """The design of a quick run as unsaved rows, to be checked and forecast as stored ones are."""
    prefetch_related_objects([rosbag], "topics__definition")
    template = Template(name=_template_name(rosbag), **_template_values(run))
    mec = run.mec or Mec(transport=Transport.NULL)
    stage = Stage(template=template, agent_count=run.agents, repeat_count=run.passes)
    return Simulation(mec=mec, pattern=Pattern.PARALLEL), [stage]


def _template_values(run: QuickRun) -> dict[str, Any]:
    return {
        "rosbag": run.rosbag,
        "topics": [],
        "rate": run.rate,
        "max_gap_seconds": None,
        "record_topics": recordable_topics(run.rosbag) if run.record and run.rosbag else [],
        "record_own": True,
        "unsupported_topics": UnsupportedTopics.LEAVE_OUT,
    }


def _template_name(rosbag: Rosbag) -> str:
    return free_name(rosbag.name, Template.objects.living())


def _same_template(run: QuickRun) -> Template | None:
    same = Template.objects.living().filter(**_template_values(run))
    return same.order_by("pk").first()


def _make_template(run: QuickRun, created_by: Any) -> Template:
    rosbag = _require(run.rosbag)
    values = _template_values(run)
    return _with_free_name(
        lambda: templates.create(name=_template_name(rosbag), created_by=created_by, **values)
    )


def _same_simulation(run: QuickRun, template: Template) -> Simulation | None:
    """A simulation of exactly this, which is not running."""
    of_template = Stage.objects.filter(template=template).values("simulation")
    rows = Simulation.objects.living().filter(
        pk__in=of_template, mec=run.mec, pattern=Pattern.PARALLEL
    )
    idle = rows.exclude(latest_execution__status__in=ACTIVE).order_by("-pk")
    specs = [_spec(run, template)]
    return next((row for row in idle[:20] if simulations.specs_of(row) == specs), None)


def _make_simulation(run: QuickRun, template: Template, created_by: Any) -> Simulation:
    suffix = f" × {run.agents}"
    base = _require(run.rosbag).name[: MAX_LENGTH - ROOM_FOR_NUMBER - len(suffix)] + suffix
    return _with_free_name(
        lambda: simulations.create_simulation(
            name=free_name(base, Simulation.objects.living()),
            pattern=Pattern.PARALLEL,
            mec=_require(run.mec),
            stages=[_spec(run, template)],
            created_by=created_by,
        )
    )


def _spec(run: QuickRun, template: Template) -> StageSpec:
    return StageSpec(template=template, agent_count=run.agents, repeat_count=run.passes)


def _dry_run() -> Mec:
    """The mec of an installation that has none: agents play and record, and reach nobody."""
    name = _("No network: agents only count")
    return mecs.create(slug=DRY_RUN, name=name, transport=Transport.NULL)


def _with_free_name(create: Callable[[], T]) -> T:
    """Create a row, again where somebody else has just taken its free name."""
    for _attempt in range(NAME_TRIES - 1):
        with suppress(NameTakenError, TemplateError):
            return create()
    return create()


def _require(row: T | None) -> T:
    if row is None:
        message = "field_errors() was not called"
        raise ValueError(message)
    return row


@contextmanager
def _pointing_at_own_fields() -> Iterator[None]:
    """Point the errors of template and simulation at the fields of the quick run.

    Raises:
        NotStartableError: Instead of either.
    """
    try:
        yield
    except (TemplateError, SimulationError) as error:
        raise NotStartableError(str(error), [_at_own_field(e) for e in error.errors]) from error


def _at_own_field(error: FieldError) -> FieldError:
    if error.code == "TOO_MANY_TOPICS":
        message = _("This rosbag has too many topics to record them all: run without recording.")
        return FieldError("/record", message, error.code)
    for pointer, own in POINTERS.items():
        if error.pointer.startswith(pointer):
            return replace(error, pointer=own)
    return error

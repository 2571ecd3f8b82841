"""Checks of a simulation before it is started: the design, and what only a look at other systems can tell.

A start makes the first of them always (`start_checks.start_errors`), and none that needs the network.
"""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from accounts.models import User
from common.exceptions import FieldError
from simulations.choices import ACTIVE, CheckStatus, PreflightCheck
from simulations.exceptions import SimulationError
from simulations.failures import mec_test_text, warning_texts
from simulations.models import Simulation, Stage
from simulations.services.designs import mec_probes
from simulations.services.designs.checks import Check, Preflight, Subject
from simulations.services.designs.resource_checks import resource_checks
from simulations.services.planning import left_out_warnings, plan_stage
from simulations.services.start_checks import stage_errors, stages_of, start_errors
from storage.models import Rosbag
from storage.objects.base import StoreError
from storage.services.maintenance.integrity import check_rosbag

MAX_FILES = 5
"""Files that a check names."""
_REACHABLE = {True: CheckStatus.OK, False: CheckStatus.ERROR, None: CheckStatus.OK}


def preflight(simulation: Simulation, *, requested_by: User | None) -> Preflight:
    """Check a stored simulation, which waits for the test of its mec; that is kept and audited."""
    stages = stages_of(simulation)
    startable = _startable(simulation, stages)
    return Preflight(
        (
            *design_checks(simulation, stages),
            *_left_out(simulation, startable),
            _transport(simulation, requested_by),
            *_rosbags(stages),
            *resource_checks(simulation, startable),
        )
    )


def design_checks(simulation: Simulation, stages: Sequence[Stage]) -> Iterator[Check]:
    """Say what a start would refuse now, without any network."""
    errors = start_errors(simulation, stages)
    for error in errors:
        subject, position = _place(simulation, stages, error)
        yield Check(
            PreflightCheck.DESIGN, CheckStatus.ERROR, error.code, error.detail, subject, position
        )
    own = Subject("simulation", simulation.pk)
    latest = simulation.latest_execution
    if latest and latest.status in ACTIVE and not simulation.concurrent_executions:
        text = _("It is running: it can be started again once this execution has ended.")
        yield Check(PreflightCheck.DESIGN, CheckStatus.ERROR, "ALREADY_RUNNING", text, own)
    elif not errors:
        text = _("Rosbags, topics, names and types are in order.")
        yield Check(PreflightCheck.DESIGN, CheckStatus.OK, PreflightCheck.DESIGN, text, own)


def _left_out(simulation: Simulation, stages: Sequence[Stage]) -> Iterator[Check]:
    """Name topics that a start would leave out."""
    transport = simulation.mec.transport
    templates = {stage.position: stage.template_id for stage in stages}
    plans = [plan_stage(stage, 1, transport) for stage in stages]
    for warning in warning_texts(left_out_warnings(transport, plans)):
        position = warning["stage"]
        yield Check(
            PreflightCheck.DESIGN,
            CheckStatus.WARNING,
            str(warning["code"]),
            warning["text"],
            Subject("template", templates[position]),
            position,
        )


def _place(
    simulation: Simulation, stages: Sequence[Stage], error: FieldError
) -> tuple[Subject, int | None]:
    """Find what an error is about, by its JSON pointer."""
    parts = error.pointer.strip("/").split("/")
    if parts[0] == "mec":
        return Subject("mec", simulation.mec_id), None
    if parts[0] == "stages" and len(parts) > 1:
        stage = stages[int(parts[1])]
        return Subject("template", stage.template_id), stage.position
    return Subject("simulation", simulation.pk), None


def _transport(simulation: Simulation, requested_by: User | None) -> Check:
    """Test the mec, as its own page does."""
    kind, subject = PreflightCheck.TRANSPORT, Subject("mec", simulation.mec_id)
    try:
        result = mec_probes.probe(simulation.mec, requested_by=requested_by)
    except SimulationError as error:
        return Check(kind, CheckStatus.UNKNOWN, error.code, str(error), subject)
    status = _REACHABLE[result.reachable]
    if result.code == "NOT_FORWARDED":
        status = CheckStatus.WARNING
    values = {"detail": result.detail, "round_trip_ms": result.round_trip_ms}
    text = mec_test_text({"code": str(result.code), "text": result.text})
    return Check(kind, status, str(result.code), text, subject, values=values)


def _startable(simulation: Simulation, stages: Sequence[Stage]) -> list[Stage]:
    """The stages that a start would not refuse, of which a forecast knows something."""
    transport = simulation.mec.transport
    return [
        stage for index, stage in enumerate(stages) if not stage_errors(index, stage, transport)
    ]


def _rosbags(stages: Sequence[Stage]) -> Iterator[Check]:
    """Look for the files of each rosbag that can be played."""
    bags = {stage.template.rosbag_id: stage.template.rosbag for stage in stages}
    yield from (_rosbag(bag) for bag in bags.values() if bag.usable)


def _rosbag(bag: Rosbag) -> Check:
    kind, subject = PreflightCheck.ROSBAG, Subject("rosbag", bag.pk)
    try:
        wrong = check_rosbag(bag)
    except StoreError as error:
        return Check(kind, CheckStatus.UNKNOWN, error.code, str(error), subject)
    if not wrong:
        text = _("All files of rosbag %(name)s are in storage.") % {"name": bag.name}
        return Check(kind, CheckStatus.OK, kind, text, subject)
    paths = [mismatch.path for mismatch in wrong]
    names = ", ".join(paths[:MAX_FILES] + ["…"] * (len(paths) > MAX_FILES))
    message = _(
        "Files of rosbag %(name)s are missing in storage, or have another size: %(files)s. Restore them "
        "from a backup, or choose another rosbag."
    )
    text = message % {"name": bag.name, "files": names}
    return Check(kind, CheckStatus.ERROR, "FILES_MISSING", text, subject, values={"files": paths})

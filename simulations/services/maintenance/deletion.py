"""Deleting simulations: hidden at once and restorable, or removed for good, step by step.

The steps are taken by a task. Each may be taken again, by two workers at once too: a killed worker's deletion
is taken up again (`common.recovery`), and goes on where it was.
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.services import audit
from common.db import leases
from common.db.leases import Lease, LeaseLostError
from common.tasks import enqueue_on_commit
from simulations.choices import ENDED, OPEN_DELETION, DeletionFailure, DeletionStatus
from simulations.exceptions import (
    AlreadyRunningError,
    BackendError,
    DeletionOpenError,
    LiveAwayError,
    NameTakenError,
    SimulationNotFoundError,
)
from simulations.live import snapshots
from simulations.models import Deletion, Execution, Simulation
from simulations.services.plan import plan_of
from simulations.services.runs.active_stage import ActiveStage
from storage.models import Rosbag
from storage.objects.base import StoreError
from storage.services.rosbags import deletion as rosbags

log = structlog.get_logger(__name__)

BATCH = 200
"""Executions that are removed in one transaction."""
AWAY = (StoreError, BackendError, LiveAwayError, DatabaseError)
"""What passes: the deletion waits and is tried again."""


def request(
    simulation: Simulation, *, permanent: bool = False, requested_by: Any = None
) -> Deletion:
    """Hide a simulation and have a worker remove what is to be removed.

    Raises:
        AlreadyRunningError: an execution is active.
        DeletionOpenError: it is being deleted already.
        SimulationNotFoundError: it was deleted before, or removed for good.
    """
    try:
        with transaction.atomic():
            # The row is written first: a start that comes at the same time waits here, or we for it.
            rows = Simulation.objects.filter(pk=simulation.pk)
            _locked(
                simulation.pk
            )  # one that is hidden already is not written: a restore waits here too
            hidden = rows.hide()
            if not (hidden or (permanent and rows.exists())):
                raise SimulationNotFoundError(_("This simulation was deleted already."))
            if Execution.objects.active().filter(simulation=simulation).exists():
                raise AlreadyRunningError(
                    _("The simulation is running: stop its execution first, then delete it.")
                )
            if permanent:  # takes all the steps of one that only hides, too
                hiding = Deletion.objects.filter(simulation_id=simulation.pk, permanent=False)
                hiding.filter(status__in=OPEN_DELETION).update(
                    status=DeletionStatus.COMPLETED,
                    progress=100,
                    ended_at=timezone.now(),
                    lease_until=None,
                )
            if hidden:
                audit.record_change(simulation, deleted_at=(None, hidden))
            steps = [
                {"name": name, "status": DeletionStatus.PENDING}
                for name in plan(permanent=permanent)
            ]
            deletion = Deletion.objects.create(
                simulation_id=simulation.pk,
                name=simulation.name,
                permanent=permanent,
                steps=steps,
                requested_by=requested_by,
            )
            enqueue_on_commit("simulations.tasks.delete", deletion.pk)
            return deletion
    except IntegrityError as error:
        raise DeletionOpenError(_("The simulation is being deleted: see its deletion.")) from error


def restore(simulation: Simulation) -> Simulation:
    """Bring a deleted simulation back.

    Raises:
        DeletionOpenError: it is being removed for good.
        NameTakenError: another living simulation has its name.
    """
    opened = Deletion.objects.filter(
        simulation_id=simulation.pk, permanent=True, status__in=OPEN_DELETION
    )
    try:
        with transaction.atomic():
            _locked(simulation.pk)
            if opened.exists():
                text = _("The simulation is being removed for good: it cannot come back.")
                raise DeletionOpenError(text)
            rows = Simulation.objects.filter(pk=simulation.pk)
            if rows.unhide():
                audit.record_change(simulation, deleted_at=(simulation.deleted_at, None))
            elif not rows.exists():
                raise SimulationNotFoundError(_("The simulation was removed for good."))
    except IntegrityError as error:
        text = _("Another simulation has the name %(name)s now: rename that one first.")
        raise NameTakenError(text % {"name": simulation.name}) from error
    simulation.refresh_from_db()
    return simulation


def _locked(simulation_id: int) -> None:
    """Hold the row until the transaction ends, so that deleting and restoring come one after the other."""
    list(Simulation.objects.select_for_update().filter(pk=simulation_id).values_list("pk"))


def unfinished() -> QuerySet[Deletion]:
    """Deletions with steps left."""
    return Deletion.objects.filter(status__in=OPEN_DELETION)


def run(deletion_id: int) -> str:
    """Take the steps of a deletion that are left, unless another worker is at it.

    Returns:
        Its status.
    """
    lease = leases.claim(
        unfinished(),
        deletion_id,
        status=DeletionStatus.RUNNING,
        started_at=Coalesce("started_at", Value(timezone.now())),
    )
    if lease is not None:
        _work(lease)
    return str(Deletion.objects.values_list("status", flat=True).get(pk=deletion_id))


def _work(lease: Lease) -> None:
    deletion = Deletion.objects.get(pk=lease.pk)
    try:
        with lease:
            _take_steps(lease, deletion)
    except LeaseLostError:
        log.warning("deletion_superseded", deletion=deletion.pk)


def _take_steps(lease: Lease, deletion: Deletion) -> None:
    try:
        if deletion.attempts > leases.MAX_ATTEMPTS:
            raise RuntimeError("its workers were killed")
        for index, step in enumerate(deletion.steps):
            if step["status"] != DeletionStatus.COMPLETED:
                STEPS[step["name"]](deletion)
                step["status"] = DeletionStatus.COMPLETED
                progress = 100 * (index + 1) // len(deletion.steps)
                lease.write(steps=deletion.steps, progress=progress)
    except AWAY as error:
        lease.write(error=str(error))
        log.warning("deletion_waits", deletion=deletion.pk, error=str(error))
    except LeaseLostError:
        raise
    except Exception:
        _fail(lease)
        raise
    else:
        lease.finish(
            status=DeletionStatus.COMPLETED, progress=100, error="", ended_at=timezone.now()
        )


def _fail(lease: Lease) -> None:
    code = DeletionFailure.STEP_FAILED
    with override("en"):  # the words are for versions that know no code
        text = str(code.label)
    lease.finish(status=DeletionStatus.FAILED, error_code=code, error=text, ended_at=timezone.now())


def plan(*, permanent: bool) -> list[str]:
    """Names of the steps to take."""
    return list(STEPS) if permanent else ["live"]


def _units(deletion: Deletion) -> None:
    """Drop what units left at their backend."""
    for execution in _executions(deletion):
        frozen = plan_of(execution)
        for stage_run in execution.stage_runs.all():
            active = ActiveStage(stage_run, frozen)
            active.backend.remove(active.job)


def _live(deletion: Deletion) -> None:
    """Drop the live state, but not of what runs since the simulation was restored."""
    ended = Execution.objects.filter(simulation_id=deletion.simulation_id, status__in=ENDED)
    for pk in ended.values_list("pk", flat=True):
        snapshots.delete_all(pk)


def _recordings(deletion: Deletion) -> None:
    """Remove what was recorded, with the objects; a recording that a template plays stays."""
    recorded = Rosbag.objects.filter(
        recording__stage_run__execution__simulation=deletion.simulation_id, templates=None
    )
    for rosbag in recorded.iterator(chunk_size=BATCH):
        rosbags.discard(rosbag)


def _rows(deletion: Deletion) -> None:
    """Remove executions in batches, then the simulation."""
    executions = Execution.objects.filter(simulation_id=deletion.simulation_id).order_by("pk")
    while batch := list(executions.values_list("pk", flat=True)[:BATCH]):
        Execution.objects.filter(pk__in=batch).delete()
    Simulation.objects.filter(pk=deletion.simulation_id).delete()


def _executions(deletion: Deletion) -> Any:
    rows = Execution.objects.filter(simulation_id=deletion.simulation_id).order_by("pk")
    return rows.prefetch_related("stage_runs").iterator(chunk_size=BATCH)


STEPS: dict[str, Callable[[Deletion], None]] = {
    "units": _units,
    "live": _live,
    "recordings": _recordings,
    "rows": _rows,
}

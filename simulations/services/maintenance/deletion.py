"""Deletion of simulations: hidden at once and restorable, or removed permanently, step by step.

A task takes the steps. Each may be repeated, also by two workers at once: the deletion of a killed worker is
resumed (`common.recovery`) at the step where it was.
"""

from collections.abc import Callable
from typing import Any

import structlog
from django.db import DatabaseError
from django.db.models import QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts.services import audit
from common.db import leases
from common.db.leases import Lease, LeaseLostError
from common.db.violations import refusing_duplicates
from common.tasks import enqueue_on_commit
from simulations.choices import ENDED, OPEN_DELETION, DeletionFailure, DeletionStatus
from simulations.exceptions import (
    AlreadyRunningError,
    BackendError,
    DeletionOpenError,
    NameTakenError,
    RedisUnreachableError,
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
TEMPORARY_ERRORS = (StoreError, BackendError, RedisUnreachableError, DatabaseError)
"""Temporary errors: the deletion waits and is tried again."""


def request(
    simulation: Simulation, *, permanent: bool = False, requested_by: Any = None
) -> Deletion:
    """Hide a simulation, and enqueue the removal of its data.

    Raises:
        AlreadyRunningError: An execution is active.
        DeletionOpenError: It is being deleted already.
        SimulationNotFoundError: It was deleted before, or removed permanently.
    """
    message = _("The simulation is being deleted: see its deletion.")
    with refusing_duplicates(
        Deletion, "simulations_deletion_one_open", lambda: DeletionOpenError(message)
    ):
        _hide(simulation, permanent=permanent)
        if permanent:
            _complete_hiding(simulation)
        return _create(simulation, permanent=permanent, requested_by=requested_by)


def _hide(simulation: Simulation, *, permanent: bool) -> None:
    # Locked first, so that a simultaneous start or restore waits, or this waits for it.
    _lock(simulation.pk)
    rows = Simulation.objects.filter(pk=simulation.pk)
    hidden = rows.hide()
    if not (hidden or (permanent and rows.exists())):
        raise SimulationNotFoundError(_("This simulation is already deleted."))
    if Execution.objects.active().filter(simulation=simulation).exists():
        raise AlreadyRunningError(
            _("The simulation is running: stop its execution first, then delete it.")
        )
    if hidden:
        audit.record_change(simulation, deleted_at=(None, hidden))


def _complete_hiding(simulation: Simulation) -> None:
    """Complete an open deletion that only hides, as a permanent one includes its steps."""
    hiding = Deletion.objects.filter(simulation_id=simulation.pk, permanent=False)
    hiding.filter(status__in=OPEN_DELETION).update(
        status=DeletionStatus.COMPLETED,
        progress=100,
        ended_at=timezone.now(),
        lease_until=None,
    )


def _create(simulation: Simulation, *, permanent: bool, requested_by: Any) -> Deletion:
    names = plan(permanent=permanent)
    deletion = Deletion.objects.create(
        simulation_id=simulation.pk,
        name=simulation.name,
        permanent=permanent,
        steps=[{"name": name, "status": DeletionStatus.PENDING} for name in names],
        requested_by=requested_by,
    )
    enqueue_on_commit("simulations.tasks.delete", deletion.pk)
    return deletion


def restore(simulation: Simulation) -> Simulation:
    """Restore a deleted simulation.

    Raises:
        DeletionOpenError: It is being removed permanently.
        NameTakenError: Another simulation has its name.
    """
    open_deletions = Deletion.objects.filter(
        simulation_id=simulation.pk, permanent=True, status__in=OPEN_DELETION
    )
    taken = _("Another simulation has the name %(name)s now: rename that one first.")
    taken %= {"name": simulation.name}
    with refusing_duplicates(
        Simulation, "simulations_simulation_name_living", lambda: NameTakenError(taken)
    ):
        _lock(simulation.pk)
        if open_deletions.exists():
            message = _("The simulation is being deleted permanently: it cannot be restored.")
            raise DeletionOpenError(message)
        rows = Simulation.objects.filter(pk=simulation.pk)
        if rows.unhide():
            audit.record_change(simulation, deleted_at=(simulation.deleted_at, None))
        elif not rows.exists():
            raise SimulationNotFoundError(_("The simulation was deleted permanently."))
    simulation.refresh_from_db()
    return simulation


def _lock(simulation_id: int) -> None:
    """Lock the row until the transaction ends, so that deleting and restoring do not overlap."""
    list(Simulation.objects.select_for_update().filter(pk=simulation_id).values_list("pk"))


def unfinished() -> QuerySet[Deletion]:
    """Deletions with steps left."""
    return Deletion.objects.filter(status__in=OPEN_DELETION)


def run(deletion_id: int) -> str:
    """Take the remaining steps of a deletion, unless another worker does.

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
    except TEMPORARY_ERRORS as error:
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
    with override("en"):  # for versions that do not know the code
        text = str(code.label)
    lease.finish(status=DeletionStatus.FAILED, error_code=code, error=text, ended_at=timezone.now())


def plan(*, permanent: bool) -> list[str]:
    """Names of the steps to take."""
    return list(STEPS) if permanent else ["live"]


def _units(deletion: Deletion) -> None:
    """Remove what units have left at their backend."""
    for execution in _executions(deletion):
        frozen = plan_of(execution)
        for stage_run in execution.stage_runs.all():
            ActiveStage(stage_run, frozen).remove_leftovers()


def _live(deletion: Deletion) -> None:
    """Delete the live state, except of executions that were started after a restore."""
    ended = Execution.objects.filter(simulation_id=deletion.simulation_id, status__in=ENDED)
    for pk in ended.values_list("pk", flat=True):
        snapshots.delete_all(pk)


def _recordings(deletion: Deletion) -> None:
    """Remove recordings with their objects, except those that templates or executions play."""
    recorded = Rosbag.objects.filter(
        recording__stage_run__execution__simulation=deletion.simulation_id, templates=None
    )
    for rosbag in recorded.iterator(chunk_size=BATCH):
        rosbags.discard_unused(rosbag)


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

"""Background tasks of simulations."""

from django_tasks import task

from common import recovery
from simulations.services.maintenance import deletion


@task()
def delete(deletion_id: int) -> str:
    """Run a deletion and return its status; safe to run repeatedly and concurrently."""
    return deletion.run(deletion_id)


recovery.register("simulations.tasks.delete", deletion.unfinished)

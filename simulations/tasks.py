"""What simulations do in the background."""

from django_tasks import task

from common import recovery
from simulations.services.maintenance import deletion


@task()
def delete(deletion_id: int) -> str:
    """Carry a deletion out; the answer is its status. Running it twice, or at once, does no harm."""
    return deletion.run(deletion_id)


recovery.register("simulations.tasks.delete", deletion.unfinished)

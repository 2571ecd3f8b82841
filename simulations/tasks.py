"""What simulations do in the background."""

from django.db import transaction
from django_tasks import task

from common import recovery
from simulations.services.maintenance import deletion


@task()
def delete(deletion_id: int) -> str:
    """Carry a deletion out; the answer is its status. Running it twice, or at once, does no harm."""
    return deletion.run(deletion_id)


def request_deletion(deletion_id: int) -> None:
    """Ask for a deletion to be carried out, once the transaction at hand is committed."""
    transaction.on_commit(lambda: delete.enqueue(deletion_id))


recovery.register("simulations.tasks.delete", deletion.unfinished)

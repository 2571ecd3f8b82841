"""What simulations do in the background."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from simulations.choices import OPEN_DELETION
from simulations.models import Deletion
from simulations.services.maintenance import deletion

log = structlog.get_logger(__name__)


@task()
def delete(deletion_id: int) -> str:
    """Carry a deletion out; the answer is its status. Running it twice, or at once, does no harm."""
    return deletion.run(deletion_id)


def request_deletion(deletion_id: int) -> None:
    """Ask for a deletion to be carried out, once the transaction at hand is committed."""
    transaction.on_commit(lambda: delete.enqueue(deletion_id))


def take_up_deletions() -> int:
    """Ask again for deletions that nothing has touched for a lease's time; the answer is how many."""
    now = timezone.now()
    limit = now - timedelta(seconds=settings.TASK_LEASE_SECONDS)
    overdue = Deletion.objects.filter(status__in=OPEN_DELETION, touched_at__lt=limit)
    taken = 0
    for pk in list(overdue.values_list("pk", flat=True)[:100]):
        # Two controllers may look at once: the one whose update counts asks.
        if overdue.filter(pk=pk).update(touched_at=now):
            delete.enqueue(pk)
            log.info("deletion_taken_up", deletion=pk)
            taken += 1
    return taken

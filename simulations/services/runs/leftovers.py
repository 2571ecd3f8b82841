"""Objects of executions that are over, which a controller could not remove or was killed before it did."""

from django.conf import settings

from simulations.backends import backend
from simulations.models import Execution


def remove_leftovers() -> int:
    """Remove what is left in the cluster of executions that are over or unknown, and return its number.

    Raises:
        BackendError: The backend cannot be used now.
    """
    return backend(settings.BACKEND).remove_others(_active)


def _active() -> set[int]:
    return set(Execution.objects.active().values_list("pk", flat=True))

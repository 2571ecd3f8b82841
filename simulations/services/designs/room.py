"""Room for units where they run, or why it is not known."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from simulations.backends import backend
from simulations.backends.base import Capacity
from simulations.exceptions import BackendError, RedisUnreachableError
from simulations.services.runs import backend_states


@dataclass(frozen=True)
class Room:
    """The room for units; without `capacity` it is not known, and `reason` says why."""

    capacity: Capacity | None
    reason: str = ""


def room() -> Room:
    """Return the room for units, by reports of controllers where only these may use the backend."""
    units = backend(settings.BACKEND)
    try:
        if units.controller_only:
            return _reported()
        return _room(units.capacity())
    except BackendError as error:
        return Room(None, str(error))
    except RedisUnreachableError:
        return Room(None, _("Controllers report it through Redis, which does not answer."))


def _reported() -> Room:
    """Return what the newest report of a controller in step with the backend says."""
    states = list(backend_states.read().values())
    if not states:
        text = _("No controller reports it: start one (manage.py run_controller).")
        return Room(None, text)
    in_step = [state for state in states if not state.problem]
    if not in_step:
        return Room(None, states[-1].problem)
    return _room(in_step[-1].capacity)


def _room(capacity: Capacity | None) -> Room:
    if capacity is not None:
        return Room(capacity)
    text = _("The namespace of the agents has no quota, and nodes may not be read.")
    return Room(None, text)

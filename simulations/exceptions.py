"""What simulations refuse; the sentences say what to do."""

from common.exceptions import DomainError


class SimulationError(DomainError):
    """A request that cannot be carried out; `errors` points at the fields that are wrong."""

    status = 422
    code = "SIMULATION_INVALID"


class NotStartableError(SimulationError):
    """The simulation cannot be started as things stand."""

    code = "NOT_STARTABLE"


class AlreadyRunningError(SimulationError):
    """The simulation has an active execution."""

    status = 409
    code = "ALREADY_RUNNING"


class NotRunningError(SimulationError):
    """There is nothing to stop."""

    status = 409
    code = "NOT_RUNNING"


class SimulationNotFoundError(SimulationError):
    """The simulation is not there any more."""

    status = 404
    code = "SIMULATION_NOT_FOUND"


class DeletionOpenError(SimulationError):
    """A deletion stands in the way."""

    status = 409
    code = "DELETION_OPEN"


class NameTakenError(SimulationError):
    """Another living simulation has this name."""

    status = 409
    code = "NAME_TAKEN"


class MecInvalidError(SimulationError):
    """Values that no mec may have."""

    code = "MEC_INVALID"


class MecInUseError(SimulationError):
    """Simulations run against this mec."""

    status = 409
    code = "MEC_IN_USE"


class SupersededError(SimulationError):
    """A newer attempt of the unit has taken over."""

    status = 409
    code = "superseded"


class UnitRefusedError(SimulationError):
    """The unit's token or request is not of this execution."""

    status = 403
    code = "UNIT_REFUSED"


class TicketInvalidError(SimulationError):
    """The ticket opens no stream, or no longer."""

    status = 401
    code = "TICKET_INVALID"


class TicketForeignError(SimulationError):
    """The ticket is for another execution or another user."""

    status = 403
    code = "TICKET_FOREIGN"


class StreamUnsupportedError(SimulationError):
    """This server cannot keep streams open."""

    status = 501
    code = "STREAM_NEEDS_ASGI"


class TooManyWatchersError(SimulationError):
    """This process has as many watchers as it may have."""

    status = 503
    code = "TOO_MANY_WATCHERS"
    retry_after = 5


class LiveAwayError(Exception):
    """Redis does not answer; the database has what matters."""


class BackendError(Exception):
    """The backend cannot start or reach units; worth another try."""
